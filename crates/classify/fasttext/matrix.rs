//! Matrices of single-precision numbers, dense or by product quantisation.

use super::bytes::{Bytes, Part};

/// Columns that are summed at once: they stay in registers from row to row.
const LANES: usize = 16;
/// Centroids of a part of a row: codes are bytes.
const CENTROIDS: usize = 256;

pub(super) enum Matrix {
    Dense(Dense),
    Quantised(Quantised),
}

/// Rows as they lie in the file.
pub(super) struct Dense {
    rows: usize,
    columns: usize,
    values: Part,
}

/// A row is cut into parts of `width` columns, the last may be shorter; a byte per part names its centroid.
pub(super) struct Quantised {
    rows: usize,
    columns: usize,
    width: usize,
    codes: Part,
    /// All centroids of the first part, then of the second, …
    centroids: Vec<f32>,
    /// Length of every row, where only directions are in `codes`.
    norms: Option<(Part, Vec<f32>)>,
}

impl Matrix {
    pub fn read(bytes: &mut Bytes, is_quantised: bool, columns: usize, what: &str) -> Result<Matrix, String> {
        if is_quantised {
            return Quantised::read(bytes, columns, what).map(Matrix::Quantised);
        }
        let (rows, found) = (bytes.i64(what)?, bytes.i64(what)?);
        same(found, columns as i64, "columns", what)?;
        let rows = bytes.count(rows, 4 * columns as u64, "rows")?;
        let values = bytes.part((4 * rows * columns) as u64, what)?;
        Ok(Matrix::Dense(Dense { rows, columns, values }))
    }

    pub fn rows(&self) -> usize {
        match self {
            Matrix::Dense(dense) => dense.rows,
            Matrix::Quantised(quantised) => quantised.rows,
        }
    }

    pub fn columns(&self) -> usize {
        match self {
            Matrix::Dense(dense) => dense.columns,
            Matrix::Quantised(quantised) => quantised.columns,
        }
    }

    /// Adds rows to `sum`, in order.
    pub fn add_rows(&self, rows: &[u32], sum: &mut [f32]) {
        match self {
            Matrix::Dense(dense) => dense.add_rows(rows, sum),
            Matrix::Quantised(quantised) => rows.iter().for_each(|row| quantised.add_row(*row as usize, sum)),
        }
    }

    /// The products of a row and `vector`, added from the first column to the last.
    pub fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        match self {
            Matrix::Dense(dense) => dense.dot_row(row, vector),
            Matrix::Quantised(quantised) => quantised.dot_row(row, vector),
        }
    }
}

impl Dense {
    fn add_rows(&self, rows: &[u32], sum: &mut [f32]) {
        let (values, _) = self.values.as_chunks::<4>();
        let columns = self.columns;
        for (block, sums) in sum.chunks_mut(LANES).enumerate() {
            let first = block * LANES;
            if let Ok(sums) = <&mut [f32; LANES]>::try_from(&mut *sums) {
                let mut lanes = *sums;
                for row in rows {
                    let at = *row as usize * columns + first;
                    let Some(row) = values[at..].first_chunk::<LANES>() else { continue };
                    lanes.iter_mut().zip(row).for_each(|(lane, value)| *lane += f32::from_le_bytes(*value));
                }
                *sums = lanes;
            } else {
                for row in rows {
                    let at = *row as usize * columns + first;
                    sums.iter_mut().zip(&values[at..]).for_each(|(s, v)| *s += f32::from_le_bytes(*v));
                }
            }
        }
    }

    fn row(&self, row: usize) -> &[[u8; 4]] {
        let (values, _) = self.values.as_chunks::<4>();
        &values[row * self.columns..][..self.columns]
    }

    fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        self.row(row)
            .iter()
            .zip(vector)
            .fold(0.0, |sum, (value, factor)| sum + f32::from_le_bytes(*value) * factor)
    }
}

impl Quantised {
    fn read(bytes: &mut Bytes, columns: usize, what: &str) -> Result<Quantised, String> {
        let has_norms = bytes.flag(what)?;
        let (rows, found) = (bytes.i64(what)?, bytes.i64(what)?);
        same(found, columns as i64, "columns", what)?;
        let n_codes = bytes.i32(what)?;
        let rows = bytes.count(rows, 1, "rows")?;
        let codes = bytes.part(u64::try_from(n_codes).unwrap_or(u64::MAX), what)?;
        let (width, centroids) = read_centroids(bytes, columns, what)?;
        same(i64::from(n_codes), rows as i64 * columns.div_ceil(width) as i64, "codes", what)?;
        let norms = match has_norms {
            true => {
                let codes = bytes.part(rows as u64, "norms")?;
                Some((codes, read_centroids(bytes, 1, "norms")?.1))
            }
            false => None,
        };
        Ok(Quantised { rows, columns, width, codes, centroids, norms })
    }

    /// The centroids that make up a row, in order of columns.
    fn parts(&self, row: usize) -> impl Iterator<Item = &[f32]> {
        let parts = self.columns.div_ceil(self.width);
        let codes = &self.codes[row * parts..][..parts];
        codes.iter().enumerate().map(move |(part, code)| {
            let first = part * self.width;
            let width = self.width.min(self.columns - first);
            &self.centroids[first * CENTROIDS + usize::from(*code) * width..][..width]
        })
    }

    fn norm(&self, row: usize) -> f32 {
        self.norms.as_ref().map_or(1.0, |(codes, norms)| norms[usize::from(codes[row])])
    }

    fn add_row(&self, row: usize, sum: &mut [f32]) {
        let norm = self.norm(row);
        let row = self.parts(row).flatten();
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += norm * value);
    }

    fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        let products = vector.iter().zip(self.parts(row).flatten());
        products.fold(0.0, |sum, (factor, value)| sum + factor * value) * self.norm(row)
    }
}

/// The columns per part, and the centroids.
fn read_centroids(bytes: &mut Bytes, columns: usize, what: &str) -> Result<(usize, Vec<f32>), String> {
    let [found, parts, width, last] =
        [bytes.i32(what)?, bytes.i32(what)?, bytes.i32(what)?, bytes.i32(what)?].map(i64::from);
    same(found, columns as i64, "quantised columns", what)?;
    if width < 1 {
        return Err(format!("{what} is quantised by {width} columns"));
    }
    let columns = columns as i64;
    same(parts, (columns + width - 1) / width, "parts of a row", what)?;
    same(last, columns - (parts - 1) * width, "columns in the last part", what)?;
    let values = bytes.part((4 * CENTROIDS as i64 * columns) as u64, what)?;
    let centroids = values.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
    Ok((width as usize, centroids))
}

fn same(found: i64, expected: i64, name: &str, what: &str) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} has {found} {name} where {expected} are due")),
    }
}
