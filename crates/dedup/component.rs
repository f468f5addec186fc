//! The members of components of documents that share bands: who of them is kept.

use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::minhash::{BandKeys, Sketch, estimate};
use crate::passes::in_order;
use crate::resolve::{By, Duplicate, Options, Signatures, Verdicts, Verify};

/// Kept documents that every member of a component is compared with; beyond, only those with a common band.
const ALL_KEPT: usize = 64;
/// How far a sketch may be off (over four standard errors) before the text is asked.
const SKETCH_MARGIN: f64 = 0.2;

/// Some components and what is known of their members.
pub(crate) struct Members {
    /// Root and member: component after component, in each in input order.
    members: Vec<(u32, u32)>,
    details: Vec<(u64, Sketch)>,
    /// Only of components of more than [`ALL_KEPT`], by place; else empty.
    keys: HashMap<u32, Vec<BandKeys>>,
}

impl Members {
    /// Bytes per member at most, what is only needed while they are read included.
    pub const BYTES: u64 =
        (2 * size_of::<(u32, u32)>() + size_of::<(u64, Sketch)>() + size_of::<BandKeys>() + 32) as u64;

    /// Reads the components whose root is in a range.
    pub fn read<S: Signatures>(
        signatures: &S,
        verdicts: &Verdicts,
        roots: Range<u32>,
    ) -> Result<Members, S::Error> {
        let root = |candidate: u32| verdicts.root(candidate).filter(|root| roots.contains(root));
        let others = (0..verdicts.len() as u32).filter_map(|c| Some((root(c)?, c)));
        let mut members: Vec<(u32, u32)> = others.filter(|(root, c)| root != c).collect();
        members.sort_unstable();
        let mut firsts: Vec<(u32, u32)> = members.iter().map(|(root, _)| (*root, *root)).collect();
        firsts.dedup();
        members.append(&mut firsts);
        members.sort_unstable();

        let mut places: Vec<(u32, u32)> = (0..).zip(&members).map(|(place, (_, c))| (*c, place)).collect();
        places.sort_unstable();
        let of_group = |group: usize| {
            let groups = signatures.groups();
            let end = groups.get(group + 1).copied().unwrap_or(u32::MAX);
            let place = |candidate: u32| places.partition_point(|(c, _)| *c < candidate);
            &places[place(groups[group])..place(end)]
        };
        let n_groups = signatures.groups().len();
        let mut details = vec![(0, Sketch::EMPTY); members.len()];
        let read = |group: usize| {
            let wanted = of_group(group);
            let mut found = Vec::with_capacity(wanted.len());
            if !wanted.is_empty() {
                let candidates = wanted.iter().map(|(c, _)| *c);
                signatures.details(group, candidates, |rank, sketch| found.push((rank, sketch)))?;
            }
            Ok((group, found))
        };
        in_order(n_groups, read, |(group, found): (usize, Vec<_>)| {
            for ((_, place), found) in of_group(group).iter().zip(found) {
                details[*place as usize] = found;
            }
        })?;

        // Where a member stands within its component, and in which, if that is a large one.
        let mut starts: HashMap<u32, (u32, u32)> = HashMap::new();
        let mut keys = HashMap::new();
        let mut start = 0;
        for component in members.chunk_by(|a, b| a.0 == b.0) {
            if component.len() > ALL_KEPT {
                keys.insert(start, vec![[0; crate::BANDS]; component.len()]);
                starts.extend((start..).zip(component).map(|(place, _)| (place, (start, place - start))));
            }
            start += component.len() as u32;
        }
        let is_large = |(_, place): &&(u32, u32)| starts.contains_key(place);
        let read = |group: usize| {
            let mut wanted = of_group(group).iter().filter(is_large).peekable();
            let mut found = Vec::new();
            if wanted.peek().is_some() {
                signatures.keys(group, wanted.map(|(c, _)| *c), |keys| found.push(keys))?;
            }
            Ok((group, found))
        };
        if !keys.is_empty() {
            in_order(n_groups, read, |(group, found): (usize, Vec<_>)| {
                for ((_, place), found) in of_group(group).iter().filter(is_large).zip(found) {
                    let (start, at) = starts[place];
                    if let Some(keys) = keys.get_mut(&start) {
                        keys[at as usize] = found;
                    }
                }
            })?;
        }
        Ok(Members { members, details, keys })
    }

    /// Decides on all of them; see [`Signatures::others`].
    pub fn decide(&self, options: &Options<'_>, others: u32, verdicts: &mut Verdicts) {
        let mut components = Vec::new();
        let mut start = 0;
        for component in self.members.chunk_by(|a, b| a.0 == b.0) {
            components.push(Component {
                root: component[0].0,
                documents: component.iter().map(|(_, c)| *c).collect(),
                details: &self.details[start..start + component.len()],
                keys: self.keys.get(&(start as u32)).map_or(&[], Vec::as_slice),
            });
            start += component.len();
        }
        let decided: Vec<Vec<(u32, Duplicate)>> =
            components.par_iter().map(|component| component.decide(options, others)).collect();
        for (component, dropped) in components.iter().zip(decided) {
            verdicts.decide(&component.documents, &dropped);
        }
    }
}

struct Component<'m> {
    root: u32,
    /// In input order, as what follows.
    documents: Vec<u32>,
    details: &'m [(u64, Sketch)],
    /// Empty where no more than [`ALL_KEPT`] documents can be kept.
    keys: &'m [BandKeys],
}

impl Component<'_> {
    /// Those that are dropped. Members are places in `documents`.
    fn decide(&self, options: &Options<'_>, others: u32) -> Vec<(u32, Duplicate)> {
        let is_other = |member: usize| self.documents[member] >= others;
        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        match options.verify {
            // The reference's root is the one that is kept.
            Verify::Datatrove(_) => order.sort_by_key(|&member| self.documents[member] != self.root),
            _ => order.sort_by_key(|&member| (!is_other(member), self.details[member].0, member)),
        }
        let mut kept = Kept::default();
        let mut dropped = Vec::new();
        let is_verified = !matches!(options.verify, Verify::Nothing | Verify::Datatrove(_));
        for member in order {
            let similarity = |of: usize| self.similarity(member, of, options);
            let nearest = match is_verified {
                true => kept.nearest(self.keys.get(member), similarity),
                false => kept.order.first().map(|&of| (of, similarity(of))),
            };
            match nearest {
                _ if is_other(member) => kept.add(member, self.keys.get(member)),
                Some((of, similarity)) if !is_verified || similarity >= options.min_similarity => {
                    let of = self.documents[of];
                    let duplicate = Duplicate { of, similarity: similarity as f32, by: By::Near };
                    dropped.push((self.documents[member], duplicate));
                }
                _ => kept.add(member, self.keys.get(member)),
            }
        }
        dropped
    }

    fn similarity(&self, a: usize, b: usize, options: &Options<'_>) -> f64 {
        let estimated = estimate(&self.details[a].1, &self.details[b].1);
        match options.verify {
            Verify::Text(ask) if estimated >= options.min_similarity - SKETCH_MARGIN => {
                ask(self.documents[a], self.documents[b])
            }
            _ => estimated,
        }
    }
}

/// The members of a component that are kept so far, in order of rank.
#[derive(Default)]
struct Kept {
    order: Vec<usize>,
    /// Positions in `order` by band and key; looked up only, so that its order cannot show.
    by_band: HashMap<(usize, u64), Vec<u32>>,
}

impl Kept {
    fn add(&mut self, member: usize, keys: Option<&BandKeys>) {
        let position = self.order.len() as u32;
        self.order.push(member);
        for (band, key) in keys.into_iter().flatten().enumerate() {
            let sharing = self.by_band.entry((band, *key)).or_default();
            if sharing.len() < ALL_KEPT {
                sharing.push(position);
            }
        }
    }

    /// The most similar kept document, the first by rank among equals.
    fn nearest(&self, keys: Option<&BandKeys>, similarity: impl Fn(usize) -> f64) -> Option<(usize, f64)> {
        let positions: Vec<u32> = if self.order.len() <= ALL_KEPT {
            (0..self.order.len() as u32).collect()
        } else {
            let sharing = keys.into_iter().flatten().enumerate();
            let mut positions: Vec<u32> = sharing
                .filter_map(|(band, key)| self.by_band.get(&(band, *key)))
                .flatten()
                .copied()
                .collect();
            positions.sort_unstable();
            positions.dedup();
            positions
        };
        let mut nearest: Option<(usize, f64)> = None;
        for position in positions {
            let member = self.order[position as usize];
            let found = similarity(member);
            if nearest.is_none_or(|(_, best)| found > best) {
                nearest = Some((member, found));
            }
        }
        nearest
    }
}
