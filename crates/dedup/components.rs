//! Connected components of documents: union-find whose roots are the smallest member, so that the result
//! does not depend on the order of the joins.

#[derive(Clone, Debug)]
pub struct Components {
    parent: Vec<u32>,
}

impl Components {
    /// Per document.
    pub const BYTES: u64 = 4;

    /// `documents` components of one document each.
    pub fn new(documents: usize) -> Self {
        Components { parent: (0..documents as u32).collect() }
    }

    /// The smallest document of the component of `document` (path halving).
    pub fn root(&mut self, mut document: u32) -> u32 {
        while self.parent[document as usize] != document {
            let above = self.parent[self.parent[document as usize] as usize];
            self.parent[document as usize] = above;
            document = above;
        }
        document
    }

    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }

    /// The root of each document.
    pub fn into_roots(mut self) -> Vec<u32> {
        // A root is smaller than what it is the root of, and stands for itself.
        for document in 0..self.parent.len() {
            self.parent[document] = self.parent[self.parent[document] as usize];
        }
        self.parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_joins_does_not_matter() {
        let pairs = [(4, 2), (6, 4), (1, 5), (7, 6)];
        let mut forward = Components::new(8);
        pairs.iter().for_each(|&(a, b)| forward.join(a, b));
        let mut backward = Components::new(8);
        pairs.iter().rev().for_each(|&(a, b)| backward.join(b, a));
        assert_eq!(forward.root(7), 2);
        assert_eq!(forward.into_roots(), [0, 1, 2, 3, 2, 1, 2, 2]);
        assert_eq!(backward.into_roots(), [0, 1, 2, 3, 2, 1, 2, 2]);
    }
}
