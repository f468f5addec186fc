//! What a ledger says of a changed recipe: sums that can be merged.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use ::report::{Change, Group, Shown, WhatIf};
use document::{ReasonId, Reasons};
use plan::Redecide;
use text::stable_hash::hash_id;

use crate::inspect::Place;

/// A row of the ledger.
pub struct Document {
    /// File of the ledger, and row of that file.
    pub at: (usize, u64),
    /// Shard and row of the input.
    pub place: (i32, i64),
    pub bytes: u64,
    pub tokens: Option<u64>,
    /// The run's filters let it pass.
    pub passed: bool,
    pub is_duplicate: bool,
}

/// Where a document goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Passes no more, for this reason.
    Dropped(u8),
    /// Passes now; this reason dropped it.
    Passed(u8),
    /// This stage is not known.
    Open(u8),
    /// Passes as before.
    Still,
    /// Dropped as before.
    Out,
}

#[derive(Clone, Copy, Default)]
pub struct Sum {
    documents: u64,
    bytes: u64,
    /// Of documents that were tokenised.
    tokens: u64,
    tokenised_bytes: u64,
}

impl Sum {
    pub fn add(&mut self, bytes: u64, tokens: Option<u64>) {
        self.documents += 1;
        self.bytes += bytes;
        if let Some(tokens) = tokens {
            self.tokens += tokens;
            self.tokenised_bytes += bytes;
        }
    }

    fn group(self, tokens_per_byte: Option<f64>) -> Group {
        let estimate = |rate: f64| self.tokens + ((self.bytes - self.tokenised_bytes) as f64 * rate) as u64;
        Group { documents: self.documents, bytes: self.bytes, tokens_estimate: tokens_per_byte.map(estimate) }
    }
}

impl std::ops::Add for Sum {
    type Output = Sum;

    fn add(self, other: Sum) -> Sum {
        Sum {
            documents: self.documents + other.documents,
            bytes: self.bytes + other.bytes,
            tokens: self.tokens + other.tokens,
            tokenised_bytes: self.tokenised_bytes + other.tokenised_bytes,
        }
    }
}

impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Sum>>(all: I) -> Sum {
        all.fold(Sum::default(), |sum, one| sum + one)
    }
}

/// A set of rows, a bit each.
#[derive(Default)]
pub struct Rows(Vec<u64>);

impl Rows {
    fn add(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (row % 64);
    }

    pub fn has(&self, row: u64) -> bool {
        self.0.get((row / 64) as usize).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub fn any(&self) -> bool {
        self.0.iter().any(|word| *word != 0)
    }
}

/// A set of places in the input, a bit each.
#[derive(Default)]
pub struct Places(HashMap<i32, Rows>);

impl Places {
    fn add(&mut self, (shard, row): (i32, i64)) {
        self.0.entry(shard).or_default().add(row.max(0) as u64);
    }

    pub fn has(&self, (shard, row): (i32, i64)) -> bool {
        self.0.get(&shard).is_some_and(|rows| rows.has(row.max(0) as u64))
    }

    pub fn any(&self) -> bool {
        self.0.values().any(Rows::any)
    }

    fn merge(&mut self, other: Places) {
        for (shard, rows) in other.0 {
            let own = &mut self.0.entry(shard).or_default().0;
            own.resize(own.len().max(rows.0.len()), 0);
            own.iter_mut().zip(rows.0).for_each(|(own, other)| *own |= other);
        }
    }
}

/// The documents with the smallest hash of their place, and where they stand.
type Samples = BinaryHeap<(Place, (i32, i64))>;

fn add_sample(samples: &mut Samples, sample: (Place, (i32, i64)), most: usize) {
    if samples.len() < most {
        samples.push(sample);
    } else if let Some(mut largest) = samples.peek_mut().filter(|largest| sample < **largest) {
        *largest = sample;
    }
}

#[derive(Default)]
struct Changed {
    sum: Sum,
    passed: u64,
    duplicates: u64,
    samples: Samples,
}

/// What a part of the ledger holds.
#[derive(Default)]
pub struct Found {
    input: Sum,
    passed: Sum,
    would_pass: Sum,
    pub removed: u64,
    /// By side, but for those that stay where they are.
    changes: BTreeMap<Side, Changed>,
    /// Kept documents that pass no more.
    pub fallen: Places,
    /// Of each file, duplicates that pass still.
    pub still: Vec<Rows>,
    /// Those of them whose kept twin passes no more.
    pub returning: Sum,
}

impl Found {
    pub fn of_file() -> Found {
        Found { still: vec![Rows::default()], ..Found::default() }
    }

    /// Adds a document of the one file.
    pub fn add(&mut self, document: &Document, side: Side, samples: usize) {
        let Document { at, place, bytes, tokens, passed, is_duplicate } = *document;
        self.input.add(bytes, tokens);
        if passed {
            self.passed.add(bytes, tokens);
        }
        if matches!(side, Side::Passed(_) | Side::Still) {
            self.would_pass.add(bytes, tokens);
        }
        if is_duplicate && side == Side::Still {
            self.still[0].add(at.1);
        }
        if matches!(side, Side::Still | Side::Out) {
            return;
        }
        if passed && !is_duplicate && matches!(side, Side::Dropped(_)) {
            self.fallen.add(place);
        }
        let changed = self.changes.entry(side).or_default();
        changed.sum.add(bytes, tokens);
        changed.passed += u64::from(passed);
        changed.duplicates += u64::from(passed && is_duplicate);
        // Shard and row in one number; the name of a hash, not of a document.
        let hash = hash_id(&format!("{}#{}", place.0, place.1), 0);
        add_sample(&mut changed.samples, ((hash, at.0, at.1), place), samples);
    }

    pub fn merged(mut self, other: Found, samples: usize) -> Found {
        self.input = self.input + other.input;
        self.passed = self.passed + other.passed;
        self.would_pass = self.would_pass + other.would_pass;
        self.removed += other.removed;
        self.fallen.merge(other.fallen);
        self.still.extend(other.still);
        for (key, changed) in other.changes {
            let entry = self.changes.entry(key).or_default();
            entry.sum = entry.sum + changed.sum;
            entry.passed += changed.passed;
            entry.duplicates += changed.duplicates;
            changed.samples.into_iter().for_each(|sample| add_sample(&mut entry.samples, sample, samples));
        }
        self
    }

    /// Where the ledger has the samples.
    pub fn places(&self) -> Vec<Place> {
        let samples = self.changes.values().flat_map(|changed| &changed.samples);
        samples.map(|(place, _)| *place).collect()
    }

    pub fn finish(self, rules: &Redecide, reasons: &Reasons) -> WhatIf {
        let (tokens, bytes) = (self.input.tokens, self.input.tokenised_bytes);
        let rate = (bytes > 0).then(|| tokens as f64 / bytes as f64);
        let mut what_if = WhatIf {
            input: self.input.group(rate),
            passed: self.passed.group(rate),
            would_pass: self.would_pass.group(rate),
            may_return: self.returning.group(rate),
            tokens_per_byte: rate,
            removed: self.removed,
            ..WhatIf::default()
        };
        for (side, changed) in self.changes {
            let (changes, reason) = match side {
                Side::Dropped(reason) => {
                    (&mut what_if.newly_dropped, reasons.get(ReasonId(reason)).full_name())
                }
                Side::Passed(reason) => {
                    (&mut what_if.newly_passed, reasons.get(ReasonId(reason)).full_name())
                }
                Side::Open(stage) => (&mut what_if.open, rules.stage(usize::from(stage)).to_owned()),
                Side::Still | Side::Out => continue,
            };
            let samples = changed.samples.into_sorted_vec().into_iter();
            changes.push(Change {
                reason,
                group: changed.sum.group(rate),
                passed: changed.passed,
                duplicates: changed.duplicates,
                samples: samples.map(|(_, place)| Shown { place, ..Shown::default() }).collect(),
            });
        }
        for changes in [&mut what_if.newly_dropped, &mut what_if.newly_passed, &mut what_if.open] {
            changes.sort_by_key(|change| std::cmp::Reverse(change.group.documents));
        }
        what_if
    }
}
