//! How many documents have the reference's value, item by item; the groups of items are rows of the README.

use std::collections::{BTreeMap, BTreeSet};

/// Documents compared and different by item, and the first that differ.
#[derive(Default)]
pub struct Table {
    items: BTreeMap<String, (usize, BTreeSet<String>)>,
    examples: Vec<String>,
}

impl Table {
    pub fn compare<T: PartialEq + std::fmt::Debug>(&mut self, item: &str, id: &str, ours: T, theirs: T) {
        let (all, different) = self.items.entry(item.to_owned()).or_default();
        *all += 1;
        if ours != theirs {
            different.insert(id.to_owned());
            if different.len() <= 3 {
                self.examples.push(format!("{item}: {ours:?}, not {theirs:?}: {id}"));
            }
        }
    }

    /// Prints every item and, as the README has them, a row for each group of items whose names begin alike.
    /// Nothing may differ, all items must be in a group, and the README must hold the rows.
    #[track_caller]
    pub fn conclude(&self, reference: &str, groups: &[(&str, &str)]) {
        println!("{reference:60} documents  identical  different");
        for (item, (all, different)) in &self.items {
            println!("{item:60} {all:9} {:10} {:10}", all - different.len(), different.len());
        }
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let mut left: BTreeSet<&String> = self.items.keys().collect();
        let mut missing = Vec::new();
        for (prefix, name) in groups {
            let items: Vec<&String> = left.iter().copied().filter(|item| item.starts_with(prefix)).collect();
            left.retain(|item| !items.contains(item));
            let all = items.iter().map(|item| self.items[*item].0).max().unwrap_or(0);
            let different: BTreeSet<&String> = items.iter().flat_map(|item| &self.items[*item].1).collect();
            let identical = all - different.len();
            let row = format!("| {reference} | {name} | {all} | {identical} | {} |", different.len());
            println!("{row}");
            if !readme.contains(&row) {
                missing.push(row);
            }
        }
        self.examples.iter().take(40).for_each(|example| println!("{example}"));
        assert!(self.examples.is_empty() && !self.items.is_empty());
        assert!(left.is_empty(), "in no group: {left:?}");
        assert!(missing.is_empty(), "README.md lacks these rows:\n{}", missing.join("\n"));
    }
}
