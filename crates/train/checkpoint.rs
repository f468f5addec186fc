//! Weights and training state on disk: the safetensors format, written atomically.
//!
//! A file is a little-endian u64 (length of the header), a JSON header (name → type, shape, byte range;
//! `__metadata__` → strings) and the values.

use crate::TrainError;
use crate::model::{Weight, Weights};
use crate::optimizer::AdamW;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// Where a run stands. Its data cursor is `step`: batch `step` begins at token `step × batch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Steps done.
    pub step: usize,
    /// Sum of the batches' losses since the last point of the learning curve, and how many they are.
    pub loss_sum: f64,
    pub loss_count: usize,
    /// Weights summed into the average.
    pub averaged: usize,
    /// Seconds of training before this point.
    pub seconds: f64,
}

/// Everything a run needs to go on.
pub struct State {
    pub cursor: Cursor,
    pub weights: Weights,
    pub optimizer: AdamW,
    /// Sum of the last steps' weights.
    pub average: Weights,
}

impl State {
    /// Writes the state, all or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path, layout: &[Weight]) -> Result<(), TrainError> {
        let groups = [
            ("weights.", &self.weights.0),
            ("first.", &self.optimizer.first),
            ("second.", &self.optimizer.second),
            ("average.", &self.average.0),
        ];
        let tensors = groups.iter().flat_map(|(prefix, tensors)| {
            layout
                .iter()
                .zip(tensors.iter())
                .map(move |(weight, tensor)| (format!("{prefix}{}", weight.name), weight, tensor))
        });
        let cursor = serde_json::to_string(&self.cursor).map_err(|e| TrainError::format(path, e))?;
        write(path, tensors, &[("cursor", cursor)])
    }

    /// Reads what `save` wrote; `None` if there is no such file.
    ///
    /// # Errors
    /// When the file is damaged or of another model.
    pub fn load(path: &Path, layout: &[Weight], device: &Device) -> Result<Option<State>, TrainError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TrainError::io(path)(error)),
        };
        let damaged =
            || TrainError::format(path, "damaged checkpoint; remove it, or start again with --fresh");
        let (header, values) = split(&bytes).ok_or_else(damaged)?;
        let cursor = header["__metadata__"]["cursor"].as_str().ok_or_else(damaged)?;
        let cursor = serde_json::from_str(cursor).map_err(|_| damaged())?;
        let group = |prefix: &str| -> Result<Vec<Tensor<2>>, TrainError> {
            let tensors = layout.iter().map(|weight| {
                tensor(&header[&format!("{prefix}{}", weight.name)], values, weight, device)
                    .ok_or_else(damaged)
            });
            tensors.collect()
        };
        Ok(Some(State {
            cursor,
            weights: Weights(group("weights.")?),
            optimizer: AdamW { first: group("first.")?, second: group("second.")? },
            average: Weights(group("average.")?),
        }))
    }
}

/// Writes a model's weights under the names of `transformers`.
///
/// # Errors
/// When the file cannot be written.
pub fn save_model(path: &Path, layout: &[Weight], weights: &Weights) -> Result<(), TrainError> {
    let tensors = layout.iter().zip(&weights.0).map(|(weight, tensor)| (weight.name.clone(), weight, tensor));
    write(path, tensors, &[("format", "pt".to_owned())])
}

fn write<'w>(
    path: &Path,
    tensors: impl Iterator<Item = (String, &'w Weight, &'w Tensor<2>)>,
    metadata: &[(&str, String)],
) -> Result<(), TrainError> {
    let mut header = Map::new();
    header.insert("__metadata__".into(), metadata.iter().map(|(k, v)| (*k, v.clone())).collect::<Value>());
    let mut values = Vec::new();
    for (name, weight, tensor) in tensors {
        let start = values.len();
        let data: Vec<f32> = tensor.clone().try_into_vec_as().map_err(|e| TrainError::format(path, e))?;
        values.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        let shape = if weight.is_norm { vec![weight.columns] } else { vec![weight.rows, weight.columns] };
        header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, values.len()] }));
    }
    let mut header = Value::Object(header).to_string();
    // The values begin on a multiple of eight bytes, as readers that map the file want.
    header.push_str(&" ".repeat((8 - header.len() % 8) % 8));
    let parts = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values];
    write_atomically(path, &parts)
}

/// Writes `parts` beside `path`, syncs, and renames; the name outlasts a loss of power, too.
///
/// # Errors
/// When the system refuses.
pub fn write_atomically(path: &Path, parts: &[&[u8]]) -> Result<(), TrainError> {
    let beside = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&beside)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        // Some network file systems cannot sync a folder: there the rename has to do.
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    };
    write().map_err(TrainError::io(path))
}

fn split(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (header, values) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    Some((serde_json::from_slice(header).ok()?, values))
}

fn tensor(entry: &Value, values: &[u8], weight: &Weight, device: &Device) -> Option<Tensor<2>> {
    let offset = |i: usize| entry["data_offsets"][i].as_u64().map(|offset| offset as usize);
    let bytes = values.get(offset(0)?..offset(1)?)?;
    if bytes.len() != 4 * weight.rows * weight.columns {
        return None;
    }
    let data: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Some(Tensor::from_data(TensorData::new(data, [weight.rows, weight.columns]), device))
}
