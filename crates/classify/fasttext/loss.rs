//! From the mean of a line's rows to the probabilities of labels: softmax, hierarchical softmax, one against all.

use super::matrix::Matrix;

/// The sigmoid's table has 512 steps from -8 to 8.
const SIGMOID_STEPS: usize = 512;
const SIGMOID_LIMIT: f32 = 8.0;

pub(super) enum Loss {
    Softmax,
    /// Negative sampling and one against all, which differ in training alone. Values of the sigmoid by table.
    Sigmoid(Vec<f32>),
    Tree(Tree),
}

/// The Huffman tree of hierarchical softmax. Labels are the first nodes, the root is the last.
pub(super) struct Tree {
    n_labels: usize,
    /// Left and right child of each inner node.
    children: Vec<[u32; 2]>,
    /// Of each node but the root.
    parents: Vec<u32>,
    depth: usize,
}

/// The reference's logarithm, which is finite for 0.
fn log(probability: f32) -> f32 {
    (f64::from(probability) + 1e-5).ln() as f32
}

impl Loss {
    /// `number` is that of the format.
    pub fn new(number: i32, label_counts: &[i64]) -> Result<Loss, String> {
        match number {
            1 => Tree::new(label_counts).map(Loss::Tree),
            2 | 4 => Ok(Loss::Sigmoid(sigmoid_table())),
            3 => Ok(Loss::Softmax),
            _ => Err(format!("loss {number}; known are 1 to 4")),
        }
    }

    /// What all labels share: their outputs, but for the tree, which is walked for each.
    pub fn outputs(&self, matrix: &Matrix, hidden: &[f32], outputs: &mut Vec<f32>) {
        outputs.clear();
        if matches!(self, Loss::Tree(_)) {
            return;
        }
        outputs.extend((0..matrix.rows()).map(|row| matrix.dot_row(row, hidden)));
        match self {
            Loss::Softmax => softmax(outputs),
            Loss::Sigmoid(table) => outputs.iter_mut().for_each(|output| *output = sigmoid(table, *output)),
            Loss::Tree(_) => {}
        }
    }

    /// The probability of a label; 0 where it is so small that the reference leaves the label out.
    pub fn probability(
        &self,
        matrix: &Matrix,
        hidden: &[f32],
        outputs: &[f32],
        stack: &mut Vec<(u32, f32)>,
        label: usize,
    ) -> f32 {
        let score = match self {
            Loss::Softmax | Loss::Sigmoid(_) => log(outputs[label]),
            Loss::Tree(tree) => match tree.score(matrix, hidden, stack, label) {
                Some(score) => score,
                None => return 0.0,
            },
        };
        finite(score.exp())
    }

    pub fn best(
        &self,
        matrix: &Matrix,
        hidden: &[f32],
        outputs: &[f32],
        stack: &mut Vec<(u32, f32)>,
    ) -> Option<(usize, f32)> {
        let (label, score) = match self {
            Loss::Softmax | Loss::Sigmoid(_) => {
                let outputs = outputs.iter().copied().enumerate().filter(|(_, output)| !output.is_nan());
                let (label, output) = outputs.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
                (label, log(output))
            }
            Loss::Tree(tree) => tree.best(matrix, hidden, stack)?,
        };
        Some((label, finite(score.exp())))
    }
}

/// A model with infinite or undefined weights names no labels.
fn finite(probability: f32) -> f32 {
    if probability.is_finite() { probability } else { 0.0 }
}

fn softmax(outputs: &mut [f32]) {
    let max = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for output in &mut *outputs {
        *output = f64::from(*output - max).exp() as f32;
        sum += *output;
    }
    outputs.iter_mut().for_each(|output| *output /= sum);
}

fn sigmoid_table() -> Vec<f32> {
    let value = |step: usize| {
        let x = (step as f32 * 2.0 * SIGMOID_LIMIT) / SIGMOID_STEPS as f32 - SIGMOID_LIMIT;
        (1.0 / (1.0 + f64::from((-x).exp()))) as f32
    };
    (0..=SIGMOID_STEPS).map(value).collect()
}

fn sigmoid(table: &[f32], x: f32) -> f32 {
    if x < -SIGMOID_LIMIT {
        0.0
    } else if x > SIGMOID_LIMIT {
        1.0
    } else {
        let step = (x + SIGMOID_LIMIT) * SIGMOID_STEPS as f32 / SIGMOID_LIMIT / 2.0;
        // A cast of what is not a number is 0.
        if x.is_nan() { x } else { table[step as usize] }
    }
}

impl Tree {
    /// The two smallest nodes become one, again and again; labels come by falling counts.
    fn new(label_counts: &[i64]) -> Result<Tree, String> {
        let n_labels = label_counts.len();
        if label_counts.iter().any(|count| !(0..=1_000_000_000_000_000).contains(count)) {
            return Err("a label's count is out of range".to_owned());
        }
        // Inner nodes that are yet to be made count as larger than all labels.
        let n_nodes = 2 * n_labels - 1;
        let mut counts = label_counts.to_vec();
        counts.resize(n_nodes, 1_000_000_000_000_000);
        let (mut children, mut parents) = (Vec::with_capacity(n_nodes - n_labels), vec![0; n_nodes]);
        let (mut labels_left, mut node) = (n_labels, n_labels);
        for made in n_labels..n_nodes {
            let mut pair = [0; 2];
            for child in &mut pair {
                let label = labels_left.checked_sub(1).filter(|label| counts[*label] < counts[node]);
                match label {
                    Some(label) => {
                        *child = label as u32;
                        labels_left = label;
                    }
                    None if node < made => {
                        *child = node as u32;
                        node += 1;
                    }
                    None => return Err("the labels' counts make no tree".to_owned()),
                }
            }
            counts[made] = pair.iter().fold(0, |sum: i64, child| sum.saturating_add(counts[*child as usize]));
            pair.iter().for_each(|child| parents[*child as usize] = made as u32);
            children.push(pair);
        }
        let mut depths = vec![0; n_nodes];
        for node in (0..n_nodes - 1).rev() {
            depths[node] = depths[parents[node] as usize] + 1;
        }
        let depth = depths.into_iter().max().unwrap_or(0);
        Ok(Tree { n_labels, children, parents, depth })
    }

    fn root(&self) -> u32 {
        self.parents.len() as u32 - 1
    }

    /// The scores of a node's children, given the node's.
    fn descend(&self, matrix: &Matrix, hidden: &[f32], node: u32, score: f32) -> [f32; 2] {
        let output = matrix.dot_row(node as usize - self.n_labels, hidden);
        let right = 1.0 / (1.0 + (-output).exp());
        [score + log(1.0 - right), score + log(right)]
    }

    /// The logarithm of a label's probability; `None` where the reference turns back on the way to it.
    fn score(
        &self,
        matrix: &Matrix,
        hidden: &[f32],
        path: &mut Vec<(u32, f32)>,
        label: usize,
    ) -> Option<f32> {
        // The path is walked from the root down, so it is found first.
        path.clear();
        let mut node = label as u32;
        while node != self.root() {
            path.push((node, 0.0));
            node = self.parents[node as usize];
        }
        let mut score = 0.0;
        let lowest = log(0.0);
        while let Some((child, _)) = path.pop() {
            let [left, _] = self.children[node as usize - self.n_labels];
            score = self.descend(matrix, hidden, node, score)[usize::from(child != left)];
            if score < lowest || score.is_nan() {
                return None;
            }
            node = child;
        }
        Some(score)
    }

    /// The label with the highest score. Subtrees that cannot hold it are left out.
    fn best(&self, matrix: &Matrix, hidden: &[f32], stack: &mut Vec<(u32, f32)>) -> Option<(usize, f32)> {
        // On the way down a score rises by a little over 1e-5 a step at most, rounding included.
        let slack = 2e-5 * (self.depth + 1) as f32;
        let lowest = log(0.0);
        let mut best: Option<(usize, f32)> = None;
        stack.clear();
        stack.push((self.root(), 0.0));
        while let Some((node, score)) = stack.pop() {
            if score < lowest || best.is_some_and(|(_, best)| score + slack < best) {
                continue;
            }
            if (node as usize) < self.n_labels {
                if best.is_none_or(|(_, best)| score > best) {
                    best = Some((node as usize, score));
                }
                continue;
            }
            let scores = self.descend(matrix, hidden, node, score);
            let [left, right] = self.children[node as usize - self.n_labels];
            let mut next = [(left, scores[0]), (right, scores[1])];
            if scores[0] > scores[1] {
                next.swap(0, 1);
            }
            stack.extend(next.into_iter().filter(|(_, score)| !score.is_nan()));
        }
        best
    }
}
