//! `corpus forecast`: a prediction lies on the disk before its model is trained, and the report shows both.

use std::fs;

use serde_json::Value;

use crate::support::{clean, demo_raw, run, scratch, stderr, stdout};

#[test]
fn a_forecast_is_made_scored_and_shown() {
    let folder = scratch();
    let out = folder.path().join("out");
    clean(&[&demo_raw(folder.path())], &out, &["--quiet"], 0);
    let arguments = |scale| ["forecast", out.to_str().unwrap(), "--scale", scale, "--seeds", "1", "--quiet"];
    let few = run(&arguments("small"));
    assert_eq!(few.status.code(), Some(2), "{}", stdout(&few));
    assert!(stderr(&few).contains("allow repeats with --epochs"), "{}", stderr(&few));
    let output = run(&arguments("tiny"));
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("predicted before it was trained"), "{}", stdout(&output));
    let train = fs::read_dir(out.join("train")).unwrap().next().unwrap().unwrap().path();
    let read =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(train.join(name)).unwrap()).unwrap() };
    let time = |name: &str| train.join(name).metadata().unwrap().modified().unwrap();
    let (foretold, scored) = (read("prediction.json"), read("prediction_result.json"));
    assert!(foretold["written"].as_u64() <= scored["first_step"].as_u64());
    assert!(time("prediction.json") <= time("first_step.json"));
    assert_eq!(foretold["models"].as_array().map(Vec::len), Some(3));
    let report: report::Run = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let shown = report.forecast.unwrap();
    assert_eq!(shown.ladder.len(), 12);
    assert_eq!(shown.scored.models[0].bits_per_byte, scored["models"][0]["bits_per_byte"].as_f64().unwrap());
    // The same call again finds its result.
    assert_eq!(stdout(&run(&arguments("tiny"))), stdout(&output));
}
