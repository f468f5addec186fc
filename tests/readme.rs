//! Every command in README.md runs: `corpus …` lines in its code blocks, in order, in one folder.

use std::fs;
use std::path::Path;

use crate::support::{corpus, demo_raw, stderr, stdout};

#[test]
fn every_command_of_the_readme_runs() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    demo_raw(folder.path());
    fs::write(folder.path().join("takedown.txt"), "domain:example.org\n").unwrap();
    let mut n = 0;
    let mut is_code = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        let command = line.split('#').next().unwrap_or(line).trim();
        let Some(arguments) = command.strip_prefix("corpus ").filter(|_| is_code) else { continue };
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        match arguments[0] {
            // The full comparison takes minutes, this one seconds.
            "train" if cfg!(feature = "train") => arguments.extend(["--preset", "smoke", "--seeds", "1"]),
            "ablate" if cfg!(feature = "train") => arguments.extend(["--preset", "smoke", "--dry-run"]),
            "forecast" if cfg!(feature = "train") => arguments.extend(["--scale", "tiny", "--seeds", "1"]),
            "train" | "ablate" | "forecast" => continue,
            "demo" => arguments.push("--no-train"),
            _ => {}
        }
        let output = corpus().args(&arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}\n{}{}", stdout(&output), stderr(&output));
        n += 1;
    }
    assert!(n >= 8, "the README shows {n} commands");
}
