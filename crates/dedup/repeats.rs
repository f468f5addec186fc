//! Parts of texts that stand in several places: of all records those that go.

use rayon::prelude::*;

/// Hash of a part, and its place; places are in input order.
pub type Part = (u64, u64);

/// Not a place any more: a part of this hash has been found repeated, and its first place with it.
const MARK: u64 = 1 << 63;
/// The largest place.
pub const LAST_PLACE: u64 = MARK - 1;

/// Leaves of the parts one for each hash, and adds the places of those that go; of those added, which are in no order,
/// none is added again when more parts follow. Parts may come in any order and any portions: that is the same in the end.
pub fn repeated(parts: &mut Vec<Part>, keeps_first: bool, places: &mut Vec<u64>) {
    parts.par_sort_unstable();
    let mut kept = 0;
    let mut start = 0;
    while start < parts.len() {
        let hash = parts[start].0;
        let end = start + parts[start..].iter().take_while(|part| part.0 == hash).count();
        // A mark comes last.
        let first = parts[start];
        let is_repeated = end - start > 1;
        let goes = if keeps_first {
            start + 1..end
        } else if is_repeated {
            start..end
        } else {
            start..start
        };
        places.extend(parts[goes].iter().map(|part| part.1).filter(|place| place & MARK == 0));
        parts[kept] = if is_repeated && !keeps_first { (hash, MARK) } else { first };
        kept += 1;
        start = end;
    }
    parts.truncate(kept);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use text::stable_hash::rehash;

    use super::*;

    #[test]
    fn any_portions_give_what_a_table_gives() {
        for (n, hashes) in [(0, 1), (1, 1), (5_000, 1), (5_000, 40), (5_000, 3_000), (5_000, 1 << 40)] {
            // Places in a shuffled order.
            let all: Vec<Part> =
                (0..n).map(|i| (rehash(rehash(i, 1) % hashes, 2), i * 2_741 % 5_000)).collect();
            let mut table: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            all.iter().for_each(|(hash, place)| table.entry(*hash).or_default().push(*place));
            for keeps_first in [true, false] {
                let mut expected: Vec<u64> = Vec::new();
                for places in table.values_mut().filter(|places| places.len() > 1) {
                    places.sort_unstable();
                    expected.extend(&places[usize::from(keeps_first)..]);
                }
                expected.sort_unstable();
                for portion in [1, 7, 900, 5_000] {
                    let (mut parts, mut found) = (Vec::new(), Vec::new());
                    for some in all.chunks(portion) {
                        parts.extend(some);
                        repeated(&mut parts, keeps_first, &mut found);
                    }
                    found.sort_unstable();
                    assert_eq!(found, expected, "{n} {hashes} {keeps_first} {portion}");
                }
            }
        }
    }
}
