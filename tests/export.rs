//! `corpus export --tokens`: every format holds the documents of the run, whole, as its own reader or its layout says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tokens::{Tokenizer, read_heldout, read_sequences, shuffle_key};

use crate::support::{assert_same, clean, demo_raw, run, scratch, stderr, stdout, tree};

const FORMATS: [&str; 6] = ["megatron", "datatrove", "llm.c", "nanogpt", "olmo", "nanochat"];

/// What the run packed and held out: ids of whole documents, in the order of their shuffle.
fn documents(out: &Path) -> [Vec<Vec<u32>>; 2] {
    let train = fs::read_dir(out.join("tokens")).unwrap().map(|entry| entry.unwrap().path());
    let mut train: Vec<_> = train.filter(|path| path.display().to_string().contains("train-")).collect();
    train.sort();
    let [mut packed, mut heldout] = [Vec::new(), Vec::new()];
    for path in train {
        let batches: Vec<_> = shards::read_table(&path, None, 1000).unwrap().map(Result::unwrap).collect();
        let views = batches.iter().flat_map(|batch| read_sequences(batch).unwrap());
        let mut documents = tokens::documents(views);
        documents.sort_by_key(|document| shuffle_key(0, document.shard as u32, document.row as u64));
        packed.extend(documents.into_iter().map(|document| document.ids));
    }
    let kept = out.join("tokens/heldout-kept-00000.parquet");
    for batch in shards::read_table(&kept, None, 1000).unwrap() {
        let batch = batch.unwrap();
        let documents = read_heldout(&batch).unwrap();
        heldout.extend(
            documents.iter().map(|document| document.input_ids[1..].iter().map(|id| *id as u32).collect()),
        );
    }
    [packed, heldout]
}

#[test]
fn every_format_holds_whole_documents() {
    let folder = scratch();
    let folder = folder.path();
    let out = folder.join("out");
    // Short sequences, so that documents lie in many pieces.
    let recipe = folder.join("recipe.toml");
    fs::write(
        &recipe,
        "name = \"short\"\npipeline = [\"language\", \"tokenize\", \"pack\"]\n[pack]\nlength = 64\n",
    )
    .unwrap();
    clean(&[&demo_raw(folder)], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    let expected = documents(&out);
    assert!(
        expected[0].len() > 20 && expected[0].iter().any(|ids| ids.len() > 3 * 64) && !expected[1].is_empty()
    );
    let tokenizer = Tokenizer::from_json(&fs::read_to_string(out.join("tokenizer.json")).unwrap()).unwrap();
    let python = std::env::var("CORPUS_TEST_PYTHON").ok();
    if python.is_none() {
        assert!(std::env::var("CORPUS_REQUIRE_DATA").is_err(), "CORPUS_TEST_PYTHON is not set");
        eprintln!(
            "skipped: CORPUS_TEST_PYTHON names no Python with numpy and pyarrow to read the files back"
        );
    }
    for format in FORMATS {
        let there = folder.join(format);
        let export = || run(&["export", out.to_str().unwrap(), there.to_str().unwrap(), "--tokens", format]);
        let exported = export();
        assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
        let card: Value = serde_json::from_slice(&fs::read(there.join("export.json")).unwrap()).unwrap();
        for (split, documents) in ["train", "val"].iter().zip(&expected) {
            let tokens: usize = documents.iter().map(|ids| ids.len() + 1).sum();
            assert_eq!(card[split], json!({ "documents": documents.len(), "tokens": tokens }), "{format}");
        }
        let refused = export();
        assert_eq!(refused.status.code(), Some(2), "nothing is overwritten");
        assert!(stderr(&refused).contains("not empty"), "{}", stderr(&refused));
        let first = tree(&there);
        fs::remove_dir_all(&there).unwrap();
        assert_eq!(export().status.code(), Some(0));
        assert_same(&tree(&there), &first);

        let Some(python) = &python else { continue };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/token_readers.py");
        let read = Command::new(python).arg(script).arg(format).arg(&there).output().unwrap();
        assert!(read.status.success(), "{format}: {}", stderr(&read));
        let said = stdout(&read);
        let read: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        eprintln!("{format}: read by {}", read["reader"]);
        for (split, documents) in ["train", "val"].iter().zip(&expected) {
            let expected = match format {
                "nanochat" => json!(documents.iter().map(|ids| text(&tokenizer, ids)).collect::<Vec<_>>()),
                _ => json!(documents),
            };
            assert!(read[split] == expected, "{format}, {split}");
        }
    }
}

fn text(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    String::from_utf8(tokenizer.decode_bytes(ids)).unwrap()
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = scratch();
    let folder = folder.path();
    let out = folder.join("out");
    let export = |flags: &[&str]| {
        let [out, there] = [&out, &folder.join("there")].map(|path| path.display().to_string());
        let output = run(&[&["export", &out, &there], flags].concat());
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    assert!(export(&["--tokens", "olmo"]).contains("no finished run"));
    let raw = demo_raw(folder);
    let recipe = folder.join("recipe.toml");
    fs::write(&recipe, "name = \"clean\"\npipeline = [\"language\"]\n").unwrap();
    clean(&[&raw], &out, &["--quiet", "--recipe", recipe.to_str().unwrap()], 0);
    assert!(export(&["--tokens", "olmo"]).contains("\"tokenize\", \"pack\""));
    assert!(export(&["--tokens", "fairseq"]).contains("llm.c"), "the formats there are");
    assert!(export(&["--tokens", "olmo", "--model", "all"]).contains("cannot be used with"));
    assert!(export(&[]).contains("--model"));
    let remote =
        run(&["export", "s3://lake/out", folder.join("there").to_str().unwrap(), "--tokens", "olmo"]);
    assert_eq!(remote.status.code(), Some(2));
    assert!(stderr(&remote).contains("a folder of this machine"), "{}", stderr(&remote));
}
