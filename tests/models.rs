//! `corpus export` and `corpus generate`: what a user does with the models of a training.

use std::fs;

use serde_json::Value;

use crate::support::{clean, demo_raw, run, scratch, stderr, stdout};

#[test]
fn models_are_exported_and_write_text() {
    let folder = scratch();
    let out = folder.path().join("out");
    clean(&[&demo_raw(folder.path())], &out, &["--quiet"], 0);
    let out_text = out.to_str().unwrap();
    let untrained = run(&["generate", out_text]);
    assert_eq!(untrained.status.code(), Some(2));
    assert!(stderr(&untrained).contains("corpus train"), "{}", stderr(&untrained));
    let trained = run(&["train", out_text, "--preset", "tiny", "--quiet"]);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));

    let there = folder.path().join("model");
    let export = |model: &str| run(&["export", out_text, there.to_str().unwrap(), "--model", model]);
    let unknown = export("alle:1");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("raw, language_only, random_drop, all"), "{}", stderr(&unknown));
    assert_eq!(export("all:2").status.code(), Some(2), "there are two seeds");
    let exported = export("all:1");
    assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
    let run_folder = fs::read_dir(out.join("train")).unwrap().next().unwrap().unwrap().path();
    let file = |path: &str| fs::read(there.join(path)).unwrap();
    let averaged = fs::read(run_folder.join("checkpoint-all-1/model.safetensors")).unwrap();
    assert!(file("model.safetensors") == averaged);
    let tokenizer: Value = serde_json::from_slice(&file("tokenizer.json")).unwrap();
    let config: Value = serde_json::from_slice(&file("config.json")).unwrap();
    assert_eq!(tokenizer["model"]["vocab"].as_object().unwrap().len(), 4_096);
    assert_eq!((&config["vocab_size"], &config["model_type"]), (&4_096.into(), &"qwen3".into()));
    assert_eq!(export("all:1").status.code(), Some(2), "nothing is overwritten");

    let generate = |flags: &[&str]| {
        let output =
            run(&[&["generate", out_text, "--prompt", "The harbour", "--tokens", "30"], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let all = generate(&[]);
    assert!(all.starts_with("raw ") && all.lines().all(|line| line.chars().count() <= 100), "{all}");
    assert!(["language_only", "random_drop", "all"].iter().all(|arm| all.contains(arm)), "{all}");
    assert_eq!(all, generate(&[]));
    assert_ne!(all, generate(&["--seed", "5"]));
    let one = generate(&["--arm", "all:1", "--temperature", "0"]);
    assert!(one.starts_with("The harbour"), "{one}");
    assert_eq!(one, generate(&["--arm", "all:1", "--top-k", "1", "--seed", "9"]), "both take the likeliest");
    let json: Value = serde_json::from_str(&generate(&["--format", "json", "--top-p", "0.5"])).unwrap();
    assert_eq!(json["texts"].as_array().unwrap().len(), 4);
    assert_eq!(run(&["generate", out_text, "--top-p", "1.5"]).status.code(), Some(2));
    assert_eq!(run(&["generate", out_text, "--run", "nosuch"]).status.code(), Some(2));

    // Another schedule is another training, and the newest.
    let cosine =
        run(&["train", out_text, "--preset", "tiny", "--seeds", "1", "--schedule", "cosine", "--quiet"]);
    assert_eq!(cosine.status.code(), Some(0), "{}", stderr(&cosine));
    let newest = fs::read_dir(out.join("train")).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|folder| *folder != run_folder).collect::<Vec<_>>();
    let metrics = fs::read_to_string(newest[0].join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    // The highest rate is 0.01; WSD would end near 0.
    assert!((0.001..0.0015).contains(&last["lr"].as_f64().unwrap()), "{last}");
    assert_eq!(
        run(&["export", out_text, there.to_str().unwrap(), "--model", "all:1"]).status.code(),
        Some(2),
        "one seed"
    );
}
