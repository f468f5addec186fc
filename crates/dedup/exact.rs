//! Exact duplicates: documents with the same 128-bit hash of their text.

/// For each document the first one in input order with the same hash, `None` for those firsts themselves.
///
/// Takes 20 bytes per document beyond its input while it runs.
pub fn first_twins(hashes: &[u128]) -> Vec<Option<u32>> {
    let mut order: Vec<u32> = (0..hashes.len() as u32).collect();
    order.sort_unstable_by_key(|&document| (hashes[document as usize], document));
    let mut twins = vec![None; hashes.len()];
    for same in order.chunk_by(|&a, &b| hashes[a as usize] == hashes[b as usize]) {
        for &document in &same[1..] {
            twins[document as usize] = Some(same[0]);
        }
    }
    twins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_input_order_is_kept() {
        assert_eq!(first_twins(&[7, 3, 7, 3, 9, 7]), [None, None, Some(0), Some(1), None, Some(0)]);
        assert_eq!(first_twins(&[]), []);
    }
}
