//! What the kernels are made of: loops that the compiler turns into the widest vectors of the machine it runs on,
//! and matrix products by the `gemm` crate.

/// Sums are kept in this many parts, in a fixed order, so that they fill a vector and never depend on its width.
const LANES: usize = 16;

/// Runs `work`, whatever of it is inlined, compiled for the best instruction set of this machine.
#[inline(always)]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// eˣ to about 2 units in the last place (Cephes' polynomial), without branches; 0 to 1e-38 below -87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// 1.5 · 2²³: adding it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    (p * r * r + r + 1.0) * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// Σ a·b.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut parts = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            parts[i] += a[i] * b[i];
        }
    }
    parts.iter().sum::<f32>() + rest
}

/// Σ a.
#[inline(always)]
fn sum(a: &[f32]) -> f32 {
    let mut parts = [0.0; LANES];
    let chunks = a.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for a in chunks {
        for i in 0..LANES {
            parts[i] += a[i];
        }
    }
    parts.iter().sum::<f32>() + rest
}

/// Largest value.
#[inline(always)]
fn highest(a: &[f32]) -> f32 {
    let mut parts = [f32::NEG_INFINITY; LANES];
    let chunks = a.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m });
    for a in chunks {
        for i in 0..LANES {
            parts[i] = if a[i] > parts[i] { a[i] } else { parts[i] };
        }
    }
    parts.iter().fold(rest, |m, &x| if x > m { x } else { m })
}

/// Turns scores into probabilities in place; returns ln Σ eˣ of the scores.
#[inline(always)]
pub fn softmax(row: &mut [f32]) -> f32 {
    let top = highest(row);
    for x in row.iter_mut() {
        *x = exp(*x - top);
    }
    let total = sum(row);
    let scale = 1.0 / total;
    for x in row.iter_mut() {
        *x *= scale;
    }
    top + total.ln()
}

/// A matrix inside a slice; strides count values.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after another, nothing between them.
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        Matrix::strided(values, values.len() / columns, columns, columns)
    }

    pub fn strided(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        Matrix { values, rows, columns, row_stride, column_stride: 1 }
    }

    pub fn transposed(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// One past the last value.
    fn end(&self) -> usize {
        last(self.rows, self.columns, self.row_stride, self.column_stride)
    }
}

fn last(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_stride + (columns - 1) * column_stride + 1 }
}

/// What becomes of what `out` held.
#[derive(Clone, Copy, PartialEq)]
pub enum Onto {
    Replace,
    Add,
}

/// out (+)= a · b; rows of `out` are `out_stride` apart.
pub fn product(out: &mut [f32], out_stride: usize, into: Onto, a: Matrix<'_>, b: Matrix<'_>) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows && a.end() <= a.values.len() && b.end() <= b.values.len());
    assert!(out_stride >= n && last(m, n, out_stride, 1) <= out.len());
    // SAFETY: all three matrices lie inside their slices, as asserted; `out` is borrowed alone and its rows
    // do not overlap.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            into == Onto::Add,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_the_librarys_to_three_in_ten_million() {
        for i in -870_000..880_000 {
            let x = i as f32 * 1e-4;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours / exact - 1.0).abs() < 3e-7, "{x}: {ours} {exact}");
        }
        assert!(exp(-1e30) < 2e-38 && exp(f32::NAN).is_nan());
    }

    #[test]
    fn products_of_views_are_those_by_hand() {
        let a: Vec<f32> = (0..20).map(|x| x as f32).collect();
        // [[0, 5], [1, 6], [2, 7]] · [[0, 1], [5, 6]]
        let (left, right) = (Matrix::strided(&a, 2, 3, 5).transposed(), Matrix::strided(&a, 2, 2, 5));
        let mut out = vec![1.0; 9];
        product(&mut out, 3, Onto::Add, left, right);
        assert_eq!(out, [26.0, 31.0, 1.0, 31.0, 38.0, 1.0, 36.0, 45.0, 1.0]);
    }
}
