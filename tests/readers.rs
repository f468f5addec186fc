//! Other programs read `out/`: Hugging Face datasets, pyarrow, DuckDB, Polars.

use std::path::Path;
use std::process::Command;

use crate::support::{clean, demo_raw};

/// A Python with the readers installed is named by CORPUS_TEST_PYTHON.
#[test]
fn datasets_pyarrow_duckdb_and_polars_read_the_output() {
    let Ok(python) = std::env::var("CORPUS_TEST_PYTHON") else {
        assert!(std::env::var("CORPUS_REQUIRE_DATA").is_err(), "CORPUS_TEST_PYTHON is not set");
        eprintln!("skipped: CORPUS_TEST_PYTHON names no Python with datasets, pyarrow, duckdb and polars");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let raw = demo_raw(folder.path());
    let out = folder.path().join("out");
    clean(&[&raw], &out, &["--quiet"], 0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let output = Command::new(python)
        .arg(script)
        .arg(&out)
        .env("HF_HOME", folder.path().join("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("all readers agree"), "{text}");
}
