//! The kept inputs of a fuzz target, for ordinary tests of the crate that owns the property.

use std::fs;
use std::path::Path;

/// Gives every case of the target to its property. That there are none is a failure, too.
pub fn each(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|root| root.join("crates/fuzz/cases").join(target));
    let folder = folder.into_iter().find(|folder| folder.is_dir()).expect("crates/fuzz/cases");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{target} has no cases");
    for case in cases {
        // A failing test shows the last of these.
        eprintln!("{}", case.display());
        check(&fs::read(&case).unwrap());
    }
}
