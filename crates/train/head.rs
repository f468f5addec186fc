//! The output layer with its cross-entropy, in slices of rows, with its gradient written out.
//!
//! Logits are the largest tensor of a small model by far; a slice at a time stays in cache, and
//! ∂loss/∂logits = p − 1[target] never has to be formed.

use crate::model::Weights;
use burn::tensor::{IndexingUpdateOp, Int, Tensor, activation};

/// Rows of hidden states whose logits are held at once.
const ROWS: usize = 64;

/// Result of the output layer on a micro-batch.
pub struct HeadGradient {
    /// Negative log-likelihood in nats, summed over the rows.
    pub nats: Tensor<1>,
    /// ∂ nats / ∂ hidden, `[rows, d_model]`.
    pub hidden: Tensor<2>,
    /// ∂ nats / ∂ embedding, `[vocabulary, d_model]`.
    pub embedding: Tensor<2>,
}

/// Loss and gradients of untracked `hidden` against `targets`, one per row.
pub fn loss_and_gradient(
    hidden: &Tensor<2>,
    embedding: &Tensor<2>,
    targets: &Tensor<1, Int>,
) -> HeadGradient {
    let [rows, _] = hidden.dims();
    let mut embedding_gradient = embedding.zeros_like();
    let mut nats = Vec::new();
    let mut hidden_gradients = Vec::new();
    for start in (0..rows).step_by(ROWS) {
        let n = ROWS.min(rows - start);
        let h = hidden.clone().narrow(0, start, n);
        let probabilities = activation::softmax(h.clone().matmul(embedding.clone().transpose()), 1);
        nats.push(negative_log(&probabilities, targets.clone().narrow(0, start, n)));
        embedding_gradient = embedding_gradient + probabilities.clone().transpose().matmul(h);
        hidden_gradients.push(probabilities.matmul(embedding.clone()));
    }
    let of_targets = embedding.clone().select(0, targets.clone());
    HeadGradient {
        nats: Tensor::cat(nats, 0).sum(),
        hidden: Tensor::cat(hidden_gradients, 0) - of_targets,
        embedding: embedding_gradient.select_assign(
            0,
            targets.clone(),
            hidden.clone().neg(),
            IndexingUpdateOp::Add,
        ),
    }
}

/// Negative log-likelihood in nats of each row's target.
pub fn losses(hidden: &Tensor<2>, weights: &Weights, targets: &Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = hidden.dims();
    let slices = (0..rows).step_by(ROWS).map(|start| {
        let n = ROWS.min(rows - start);
        let logits = hidden.clone().narrow(0, start, n).matmul(weights.embedding().clone().transpose());
        negative_log(&activation::softmax(logits, 1), targets.clone().narrow(0, start, n))
    });
    Tensor::cat(slices.collect(), 0)
}

/// −ln p of one column per row; p is at least f32's smallest normal number, so that the sum stays finite.
fn negative_log(probabilities: &Tensor<2>, columns: Tensor<1, Int>) -> Tensor<1> {
    let n = columns.dims()[0];
    let chosen = probabilities.clone().gather(1, columns.reshape([n, 1]));
    chosen.clamp_min(f32::MIN_POSITIVE).log().neg().reshape([n])
}
