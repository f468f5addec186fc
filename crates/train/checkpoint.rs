//! Weights and training state on disk: the safetensors format, written atomically.

use crate::TrainError;
use crate::model::{Weight, Weights};
use crate::optimizer::AdamW;
use crate::spikes::{AHEAD, INTERVAL, Rewind, Watch};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// The string beside the tensors of a checkpoint.
const CURSORS: &str = "cursors";

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Steps done.
    pub step: usize,
    /// The next batch of its stream: `step`, and more by what the run left out.
    pub batch: usize,
    /// Sum of the batches' losses since the last point of the learning curve, and how many they are.
    pub loss_sum: f64,
    pub loss_count: usize,
    /// Weights summed into the average.
    pub averaged: usize,
    /// Seconds of training before this point.
    pub seconds: f64,
    /// What steps are held against.
    pub watch: Watch,
    /// Norms of all gradients before clipping.
    #[serde(default)]
    pub norms: Vec<f32>,
    /// How the run went back.
    pub rewinds: Vec<Rewind>,
}

/// Everything a run needs to go on.
#[derive(Clone)]
pub struct State {
    pub cursor: Cursor,
    pub weights: Weights,
    pub optimizer: AdamW,
    /// Sum of the last steps' weights.
    pub average: Weights,
    /// Up to two states to go back to, the older first.
    pub before: Vec<State>,
}

impl State {
    /// Keeps the state, every so many steps, to go back to it.
    pub fn remember(&mut self) {
        let step = self.cursor.step;
        if step.is_multiple_of(INTERVAL) && self.before.last().is_none_or(|last| last.cursor.step < step) {
            let now = State { before: Vec::new(), ..self.clone() };
            self.before.push(now);
            if self.before.len() > 2 {
                self.before.remove(0);
            }
        }
    }

    /// Goes back to the older state and leaves out the batches read since then, the one at hand, and some more.
    pub fn go_back(&mut self, rewind: Rewind) {
        let Some(older) = self.before.first().cloned() else { return };
        let now = std::mem::replace(self, older);
        self.cursor.batch = now.cursor.batch + 1 + AHEAD;
        self.cursor.seconds = now.cursor.seconds;
        self.cursor.rewinds = now.cursor.rewinds;
        self.cursor.rewinds.push(rewind);
        self.before = vec![self.clone()];
    }

    /// Writes the state, all or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path, layout: &[Weight]) -> Result<(), TrainError> {
        let states = || std::iter::once(self).chain(&self.before);
        let tensors = states().enumerate().flat_map(|(i, state)| {
            let groups = [
                ("weights", &state.weights.0),
                ("first", &state.optimizer.first),
                ("second", &state.optimizer.second),
                ("average", &state.average.0),
            ];
            groups.into_iter().flat_map(move |(group, tensors)| {
                let weights = layout.iter().zip(tensors);
                weights.map(move |(weight, tensor)| (format!("{i}.{group}.{}", weight.name), weight, tensor))
            })
        });
        let cursors: Vec<&Cursor> = states().map(|state| &state.cursor).collect();
        let cursors = serde_json::to_string(&cursors).map_err(|e| TrainError::format(path, e))?;
        write(path, tensors, (CURSORS, cursors))
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
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
        let cursors = header.metadata().as_ref().and_then(|m| m.get(CURSORS)).ok_or_else(damaged)?;
        let cursors: Vec<Cursor> = serde_json::from_str(cursors).map_err(|_| damaged())?;
        let state = |(i, cursor): (usize, Cursor)| -> Result<State, TrainError> {
            let group = |group: &str| -> Result<Vec<Tensor<2>>, TrainError> {
                let tensors = layout.iter().map(|weight| {
                    let values = read(&file, &format!("{i}.{group}."), weight).ok_or_else(damaged)?;
                    Ok(Tensor::from_data(TensorData::new(values, [weight.rows, weight.columns]), device))
                });
                tensors.collect()
            };
            Ok(State {
                cursor,
                weights: Weights(group("weights")?),
                optimizer: AdamW { first: group("first")?, second: group("second")? },
                average: Weights(group("average")?),
                before: Vec::new(),
            })
        };
        let mut states = cursors.into_iter().enumerate().map(state);
        let mut now = states.next().ok_or_else(damaged)??;
        now.before = states.collect::<Result<_, _>>()?;
        Ok(Some(now))
    }
}

/// Writes a model's weights under the names of `transformers`.
///
/// # Errors
/// When the file cannot be written.
pub fn save_model(path: &Path, layout: &[Weight], weights: &Weights) -> Result<(), TrainError> {
    let tensors = layout.iter().zip(&weights.0).map(|(weight, tensor)| (weight.name.clone(), weight, tensor));
    write(path, tensors, ("format", "pt".to_owned()))
}

/// The weights that `save_model` wrote, in the order of `layout`.
///
/// # Errors
/// When the file cannot be read or is of another model.
pub fn read_model(path: &Path, layout: &[Weight]) -> Result<Vec<Vec<f32>>, TrainError> {
    let bytes = std::fs::read(path).map_err(TrainError::io(path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| TrainError::format(path, e))?;
    let values = layout.iter().map(|weight| read(&file, "", weight));
    values.collect::<Option<_>>().ok_or_else(|| {
        TrainError::format(path, "not the weights of this run's model; train again with --fresh")
    })
}

/// A weight on its way to a file.
struct Entry {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl View for Entry {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

/// One string beside the tensors: of several, the order in the file would be chance.
fn write<'w>(
    path: &Path,
    tensors: impl Iterator<Item = (String, &'w Weight, &'w Tensor<2>)>,
    (key, value): (&str, String),
) -> Result<(), TrainError> {
    let entry = |(name, weight, tensor): (String, &Weight, &Tensor<2>)| {
        let values = tensor.clone().try_into_vec_as().map_err(|e| TrainError::format(path, e))?;
        Ok((name, Entry { shape: weight.shape(), values }))
    };
    let entries = tensors.map(entry).collect::<Result<Vec<_>, TrainError>>()?;
    let bytes = safetensors::serialize(entries, Some(HashMap::from([(key.to_owned(), value)])));
    write_atomically(path, &[&bytes.map_err(|e| TrainError::format(path, e))?])
}

fn read(file: &SafeTensors<'_>, prefix: &str, weight: &Weight) -> Option<Vec<f32>> {
    let tensor = file.tensor(&format!("{prefix}{}", weight.name)).ok()?;
    let is_ours = tensor.dtype() == Dtype::F32 && tensor.shape() == weight.shape();
    let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    is_ours.then(|| tensor.data().chunks_exact(4).map(value).collect())
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
