//! How many documents have the reference's value, item by item.

use std::collections::BTreeMap;

/// Documents compared and different by item, and the first that differ.
#[derive(Default)]
pub struct Table {
    items: BTreeMap<String, (usize, usize)>,
    examples: Vec<String>,
}

impl Table {
    pub fn compare<T: PartialEq + std::fmt::Debug>(&mut self, item: &str, id: &str, ours: T, theirs: T) {
        let (all, different) = self.items.entry(item.to_owned()).or_default();
        *all += 1;
        if ours != theirs {
            *different += 1;
            if *different <= 3 {
                self.examples.push(format!("{item}: {ours:?}, not {theirs:?}: {id}"));
            }
        }
    }

    /// Prints the table; the number of values that differ.
    pub fn print(&self, title: &str) -> usize {
        println!("{title:60} documents  identical  different");
        for (item, (all, different)) in &self.items {
            println!("{item:60} {all:9} {:10} {different:10}", all - different);
        }
        self.examples.iter().for_each(|example| println!("{example}"));
        self.items.values().map(|(_, different)| different).sum()
    }
}
