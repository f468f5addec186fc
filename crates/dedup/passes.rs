//! Columns that are larger than the memory: read in passes, each of which takes a part of the range of keys; and
//! components, decided some at a time.

use std::ops::Range;

use rayon::prelude::*;

use crate::resolve::{Failure, Signatures, Verdicts};

/// More passes than this take too long to be meant: the memory is too little.
const MOST_PASSES: u64 = 64;
/// Keys are hashes, so that parts of their range are about equally full; so much more may be in one.
const UNEVEN: f64 = 1.1;
/// Groups that a thread reads before all go on, so that their order is that of the input.
const GROUPS_PER_THREAD: usize = 4;

/// Reads all records of a column, as many at a time as fit into `room` bytes, and hands each part to `take`, sorted.
///
/// `read` gives records of a group with their keys, of which those with equal ones come in one part.
pub(crate) fn in_passes<S: Signatures, T: Ord + Send>(
    signatures: &S,
    room: u64,
    read: impl Fn(usize, &mut dyn FnMut(u64, T)) -> Result<(), S::Error> + Sync,
    mut take: impl FnMut(&[T]),
) -> Result<(), Failure<S::Error>> {
    let bytes = (signatures.candidates() as u64 * size_of::<T>() as u64) as f64 * UNEVEN;
    let passes = ((bytes / room.max(1) as f64).ceil() as u64).max(1);
    if passes > MOST_PASSES {
        return Err(Failure::Memory((bytes / MOST_PASSES as f64).ceil() as u64));
    }
    let expected = (bytes / passes as f64) as usize / size_of::<T>();
    let mut records = Vec::with_capacity(expected);
    for pass in 0..passes {
        records.clear();
        let part = |group: usize| {
            let mut part = Vec::new();
            read(group, &mut |key, record| {
                if (u128::from(key) * u128::from(passes)) >> 64 == u128::from(pass) {
                    part.push(record);
                }
            })?;
            Ok(part)
        };
        in_order(signatures.groups().len(), part, |part| records.extend(part)).map_err(Failure::Read)?;
        records.par_sort_unstable();
        take(&records);
    }
    Ok(())
}

/// Does `work` for each of `n` in parallel and `take`s what comes of it in order, some at a time.
pub(crate) fn in_order<T: Send, E: Send>(
    n: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(T),
) -> Result<(), E> {
    let at_once = GROUPS_PER_THREAD * rayon::current_num_threads();
    for start in (0..n).step_by(at_once) {
        let range = start..n.min(start + at_once);
        let done: Vec<T> = range.into_par_iter().map(&work).collect::<Result<_, _>>()?;
        done.into_iter().for_each(&mut take);
    }
    Ok(())
}

/// Components of two members or more whose roots are in a range.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    pub roots: Range<u32>,
    pub members: u64,
}

/// Ranges of roots that are counted together.
const RANGES: usize = 1 << 16;

/// Divides the components into batches of at most so many members, or of one range of roots.
pub(crate) fn batches(verdicts: &Verdicts, most_members: u64) -> Vec<Batch> {
    let candidates = verdicts.len() as u32;
    let width = candidates.div_ceil(RANGES as u32).max(1);
    let mut members = vec![0_u64; RANGES];
    let mut has_members = vec![false; verdicts.len()];
    for candidate in 0..candidates {
        if let Some(root) = verdicts.root(candidate).filter(|root| *root != candidate) {
            let is_first = !std::mem::replace(&mut has_members[root as usize], true);
            members[(root / width) as usize] += 1 + u64::from(is_first);
        }
    }
    let mut batches: Vec<Batch> = Vec::new();
    for (range, members) in members.into_iter().enumerate().filter(|(_, members)| *members > 0) {
        let start = range as u32 * width;
        let end = start.saturating_add(width);
        match batches.last_mut() {
            Some(batch) if batch.members + members <= most_members => {
                batch.roots.end = end;
                batch.members += members;
            }
            _ => batches.push(Batch { roots: start..end, members }),
        }
    }
    batches
}
