//! Connected components of documents: union-find whose roots are the smallest member, so that the result
//! does not depend on the order of the joins.

/// Four bytes per document.
#[derive(Clone, Debug)]
pub struct Components {
    parent: Vec<u32>,
}

impl Components {
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

    /// Components of two documents or more, by their smallest document, each in ascending order.
    pub fn groups(mut self) -> Vec<Vec<u32>> {
        let mut members: Vec<(u32, u32)> = Vec::new();
        for document in 0..self.parent.len() as u32 {
            let root = self.root(document);
            if root != document {
                members.push((root, document));
            }
        }
        members.sort_unstable();
        let groups = members.chunk_by(|a, b| a.0 == b.0);
        groups.map(|group| [group[0].0].into_iter().chain(group.iter().map(|m| m.1)).collect()).collect()
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
        assert_eq!(forward.clone().groups(), [vec![1, 5], vec![2, 4, 6, 7]]);
        assert_eq!(forward.groups(), backward.groups());
    }
}
