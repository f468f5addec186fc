//! The house in order: layers, registry, file length, headers. Reads files only, so it works while code is broken.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may depend on whom: a crate only on crates of lower layers.
const LAYERS: [(&str, u8); 15] = [
    ("document", 0),
    ("text", 1),
    ("suffixes", 1),
    ("extract", 2),
    ("classify", 2),
    ("dedup", 2),
    ("tokens", 2),
    ("filters", 3),
    ("plan", 4),
    ("shards", 4),
    ("report", 4),
    ("engine", 5),
    ("train", 5),
    ("serve", 5),
    ("corpus", 6),
];

/// Crates that may touch files, threads, clocks and the environment.
const DRIVERS: [&str; 5] = ["shards", "engine", "train", "serve", "corpus"];

/// Lines of a source file: above the first a warning, above the second a failure.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Manifest folder and text of each crate.
fn manifests() -> BTreeMap<String, (PathBuf, String)> {
    let folders = LAYERS.iter().map(|(name, _)| match *name {
        "corpus" => root(),
        "filters" => root().join("filters"),
        name => root().join("crates").join(name),
    });
    let read = |folder: PathBuf| {
        let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        (folder, text)
    };
    LAYERS.iter().map(|(name, _)| (*name).to_owned()).zip(folders.map(read)).collect()
}

/// Names in the `[dependencies]` tables of a manifest, without dev-dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line == "[dependencies]";
        } else if is_inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn an_arrow_only_points_down() {
    let layers: BTreeMap<&str, u8> = LAYERS.into_iter().collect();
    for (name, (_, manifest)) in manifests() {
        for dependency in dependencies(&manifest) {
            let Some(layer) = layers.get(dependency.as_str()) else { continue };
            // `engine` fills in the report; both are told so here rather than in two places.
            assert!(
                *layer < layers[name.as_str()],
                "{name} (layer {}) must not depend on {dependency} (layer {layer}): see crates/README.md",
                layers[name.as_str()]
            );
        }
    }
    assert!(
        !dependencies(&manifests()["train"].1)
            .iter()
            .any(|d| ["shards", "plan", "filters"].contains(&d.as_str()))
    );
}

#[test]
fn only_drivers_touch_the_world() {
    let expected = fs::read_to_string(root().join("crates/document/.clippy.toml")).unwrap();
    for (name, (folder, _)) in manifests() {
        let found = fs::read_to_string(folder.join(".clippy.toml")).unwrap_or_default();
        if DRIVERS.contains(&name.as_str()) {
            assert!(found.is_empty() || name == "corpus", "{name} is a driver: it needs no .clippy.toml");
        } else {
            assert_eq!(found, expected, "{name}/.clippy.toml must equal crates/document/.clippy.toml");
        }
    }
}

/// All Rust sources of the project.
fn sources() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["crates", "filters", "tests", "benches"].iter().map(|f| root().join(f)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut failures = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        if lines > TOO_LONG {
            failures.push(format!("{name}: {lines} lines; split it (at most {TOO_LONG})"));
        } else if lines > LONG {
            eprintln!("{name}: {lines} lines is a smell (more than {LONG})");
        }
        if !text.starts_with("//! ") || text.lines().next().is_some_and(|line| line.trim() == "//!") {
            failures.push(format!("{name}: begin with `//! ` and what the file is for"));
        }
        if text.contains(concat!("TO", "DO")) || text.contains(concat!("FIX", "ME")) {
            failures.push(format!("{name}: open an issue instead of leaving a note"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_filter_is_registered() {
    let registry = fs::read_to_string(root().join("filters/lib.rs")).unwrap();
    for entry in fs::read_dir(root().join("filters")).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let is_filter = path.extension().is_some_and(|e| e == "rs")
            && fs::read_to_string(&path).unwrap().contains("pub const FILTER:");
        if is_filter {
            assert!(registry.contains(&format!("mod {name};")), "add `mod {name};` to filters/lib.rs");
            assert!(
                registry.contains(&format!("&{name}::FILTER")),
                "add `&{name}::FILTER` to FILTERS in filters/lib.rs"
            );
        }
    }
}
