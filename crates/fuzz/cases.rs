//! The kept inputs of a fuzz target, and changed ones, for ordinary tests of the crate that owns the property.

use std::fs;
use std::path::Path;

/// Every case is changed so many times, always in the same ways; `FUZZ_MUTATIONS` in the environment asks for more.
const MUTATIONS: u64 = 50;

/// Gives every case of the target to its property, as it is and changed. That there are none is a failure, too.
pub fn each(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|root| root.join("crates/fuzz/cases").join(target));
    let folder = folder.into_iter().find(|folder| folder.is_dir()).expect("crates/fuzz/cases");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{target} has no cases");
    let cases: Vec<_> = cases.iter().map(|case| (case, fs::read(case).unwrap())).collect();
    let mutations = std::env::var("FUZZ_MUTATIONS").map_or(MUTATIONS, |number| number.parse().unwrap());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for (path, bytes) in &cases {
        // A failing test shows the last of these.
        eprintln!("{}", path.display());
        check(bytes);
        for _ in 0..mutations {
            let other = &cases[random.below(cases.len())].1;
            let changed = Shown(random.changed(bytes, other));
            check(&changed.0);
        }
    }
}

/// Written out if the property panics, so that it can be kept.
struct Shown(Vec<u8>);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("changed to: b\"{}\"", self.0.escape_ascii());
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    /// One to four changes: a bit, a byte, a part left out, repeated, or taken from another case, the end cut off.
    fn changed(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(7) {
                0 if at < end => bytes[at] ^= 1 << self.below(8),
                1 if at < end => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, b'\n', b' ', b'"'][self.below(8)],
                2 if at < end => drop(bytes.drain(at..end)),
                3 if at < end => bytes.extend_from_within(at..end),
                4 => {
                    let from = self.below(other.len());
                    let part = &other[from..(from + 1 + self.below(64)).min(other.len())];
                    bytes.splice(at..at, part.iter().copied());
                }
                5 => bytes.truncate(at.max(bytes.len() / 2)),
                _ => bytes.insert(at, self.below(256) as u8),
            }
        }
        bytes
    }
}
