//! Before the sweep: the parts of texts that stand in other documents, too, for each stage that removes such.
//!
//! A pass over all blocks writes hash and place of every part, in any order of shards and on any number of machines. Then
//! the records are read in as many passes as the memory asks for, each of a part of the range of hashes; the places of
//! what goes are merged into one ascending list, of which the sweep reads what concerns its block.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use dedup::repeats::{LAST_PLACE, repeated};
use dedup::substring::Search;
use document::{Batch, RepeatFilter};
use plan::{Part, Plan, Repeated, Scratch, SweepOptions};
use serde::{Deserialize, Serialize};
use shards::{AtomicFile, Block};

use crate::error::EngineError;
use crate::substrings;
use crate::sweep_shards::Receipts;
use crate::work::{Work, read_json, write_json};

/// Bits of a place that number the part (or byte); the others number the document over all shards.
pub(crate) const PART_BITS: u32 = 27;
/// Bytes of a part: hash, then position in the block and number in the text.
const PART_BYTES: usize = 16;
/// Bytes of a place.
const PLACE_BYTES: u64 = 8;

/// What a pass keeps of a block: the chunk, how many parts or runs it holds, and how many documents reach the stage.
pub(crate) fn look(
    plan: &Plan,
    stage: usize,
    first_row: u64,
    batch: &Batch,
    repeated: &Repeated,
    options: &SweepOptions,
    scratch: &mut Scratch,
) -> ((Vec<u8>, u32), u64) {
    let code = plan.repeat_stages().find_map(|(index, code)| (index == stage).then_some(code));
    if let Some(search) = code.and_then(search) {
        return substrings::chunk(&search, first_row, |each| {
            plan.each_text(stage, batch, repeated, options, scratch, each);
        });
    }
    let parts = plan.parts(stage, batch, repeated, options, scratch);
    let survivors = parts.chunk_by(|a, b| a.position == b.position).count() as u64;
    (chunk(first_row, &parts), survivors)
}

/// What a stage looks for if not for parts.
fn search(code: &dyn RepeatFilter) -> Option<Search> {
    let window_bytes = code.min_bytes()?.into();
    Some(Search { window_bytes, keeps_first: code.keeps_first() })
}

/// The chunk of a block, little-endian: its first row, then its parts; and how many they are.
fn chunk(first_row: u64, parts: &[Part]) -> (Vec<u8>, u32) {
    let mut bytes = first_row.to_le_bytes().to_vec();
    // What cannot be numbered is not looked for.
    let parts = parts.iter().filter(|part| part.part >> PART_BITS == 0);
    let mut n = 0;
    for Part { position, part, hash } in parts {
        bytes.extend(hash.to_le_bytes());
        bytes.extend(position.to_le_bytes());
        bytes.extend(part.to_le_bytes());
        n += 1;
    }
    (bytes, n)
}

/// What a pass has found. Written last.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    /// The first document of each shard, numbered over all.
    bases: Vec<u64>,
    places: u64,
}

fn list_path(pass: &Work) -> PathBuf {
    pass.folder.join("found.json")
}

fn places_path(pass: &Work) -> PathBuf {
    pass.folder.join("found.places")
}

/// What was found for the stages whose passes are done.
#[derive(Default)]
pub(crate) struct Found(Vec<OfStage>);

struct OfStage {
    stage: usize,
    list: List,
    path: PathBuf,
    file: File,
}

impl Found {
    /// Adds what the pass for a stage has found; `false` if it is not done.
    pub fn add(&mut self, stage: usize, pass: &Work) -> Result<bool, EngineError> {
        let Some(list) = read_json::<List>(&list_path(pass))? else { return Ok(false) };
        let path = places_path(pass);
        if !crate::work::has_size(&path, list.places * PLACE_BYTES)? {
            return Ok(false);
        }
        let file = File::open(&path).map_err(EngineError::io(&path))?;
        self.0.push(OfStage { stage, list, path, file });
        Ok(true)
    }

    /// What goes of a block's documents.
    pub fn of(&self, block: &Block) -> Result<Repeated, EngineError> {
        let mut all = Repeated::default();
        for found in &self.0 {
            let base = found.list.bases.get(block.shard as usize).copied().unwrap_or(0) + block.first_row;
            let (start, end) = (found.find(base)?, found.find(base + block.rows)?);
            let mut bytes = vec![0; ((end - start) * PLACE_BYTES) as usize];
            found.read(start, &mut bytes)?;
            let places = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            let split =
                |place: u64| (((place >> PART_BITS) - base) as u32, (place & ((1 << PART_BITS) - 1)) as u32);
            all.add(found.stage, block.rows as usize, &places.map(split).collect::<Vec<_>>());
        }
        Ok(all)
    }
}

impl OfStage {
    /// Index of the first place in a document or behind it.
    fn find(&self, document: u64) -> Result<u64, EngineError> {
        let (mut low, mut high) = (0, self.list.places);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut place = [0; 8];
            self.read(middle, &mut place)?;
            if u64::from_le_bytes(place) >> PART_BITS < document {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), EngineError> {
        self.file.read_exact_at(bytes, at * PLACE_BYTES).map_err(EngineError::io(&self.path))
    }
}

/// More reads of all records than this take too long to be meant: the memory is too little.
const MOST_READS: u64 = 64;
/// Hashes are about equally many in each part of their range; so much more may be in one.
const UNEVEN: f64 = 1.1;

/// The first document of each shard, numbered over all.
pub(crate) fn bases(receipts: &Receipts) -> Vec<u64> {
    let spans = receipts.values().map(|parts| parts.last().map_or(0, |last| last.end_row));
    spans.scan(0, |next, rows| Some(std::mem::replace(next, *next + rows))).collect()
}

/// How often all of so many records are read where so many at most are held, in so many bytes each.
pub(crate) fn reads(
    receipts: &Receipts,
    (records, most): (u64, u64),
    bytes: usize,
    memory: u64,
) -> Result<u64, EngineError> {
    let records = (records as f64 * UNEVEN).ceil() as u64;
    match records.div_ceil(most).max(1) {
        reads if reads > MOST_READS => Err(too_little(receipts, records / MOST_READS, bytes, memory)),
        reads => Ok(reads),
    }
}

/// So many records do not fit in half the memory.
pub(crate) fn too_little(receipts: &Receipts, records: u64, bytes: usize, memory: u64) -> EngineError {
    EngineError::Memory {
        documents: receipts.values().flatten().map(|receipt| receipt.rows).sum(),
        needed: (2 * records * bytes as u64).div_ceil(1 << 20),
        allowed: memory >> 20,
    }
}

/// Finds what goes, of what the pass has written for all shards; `progress` is told how much is done, and of how much, and
/// may stop the work.
pub(crate) fn find(
    receipts: &Receipts,
    pass: &Work,
    code: &dyn RepeatFilter,
    memory: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    shards::remove_leftovers(&pass.folder)?;
    let bases = bases(receipts);
    let path = places_path(pass);
    let places = match search(code) {
        Some(search) => substrings::find(receipts, pass, (&search, &bases), memory, progress)?
            .merge(&path, substrings::joined())?,
        None => {
            find_parts(receipts, pass, (code.keeps_first(), &bases), memory, progress)?.merge(&path, Some)?
        }
    };
    write_json(&list_path(pass), &List { bases, places })
}

/// The places of the parts that go.
fn find_parts<'a>(
    receipts: &Receipts,
    pass: &'a Work,
    (keeps_first, bases): (bool, &[u64]),
    memory: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
) -> Result<Runs<'a>, EngineError> {
    let all = || receipts.values().flatten();
    let segments = all().count() as u64;
    let n: u64 = all().flat_map(|receipt| &receipt.carried).map(|(_, n)| u64::from(*n)).sum();
    // Of the memory a half holds records, and at most a quarter the places of those that go.
    let most = (memory / 2 / PART_BYTES as u64).max(1);
    let reads = reads(receipts, (n, most), PART_BYTES, memory)?;
    let mut runs = Runs::new(pass);
    let (mut parts, mut places) = (Vec::new(), Vec::new());
    for read in 0..reads {
        for (at, receipt) in all().enumerate() {
            progress(read * segments + at as u64, reads * segments)?;
            let path = pass.carried(receipt.shard, receipt.part);
            let file = File::open(&path).map_err(EngineError::io(&path))?;
            let base = bases.get(receipt.shard as usize).copied().unwrap_or(0);
            let mut bytes = Vec::new();
            for (offset, n) in &receipt.carried {
                bytes.resize(8 + *n as usize * PART_BYTES, 0);
                file.read_exact_at(&mut bytes, *offset).map_err(EngineError::io(&path))?;
                let (words, _) = bytes.as_chunks::<8>();
                let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
                let first = base + word(0);
                for at in 0..*n as usize {
                    let (hash, position_and_part) = (word(1 + 2 * at), word(2 + 2 * at));
                    if (u128::from(hash) * u128::from(reads)) >> 64 != u128::from(read) {
                        continue;
                    }
                    let document = first + (position_and_part & u64::from(u32::MAX));
                    let place = document << PART_BITS | position_and_part >> 32;
                    parts.push((hash, place & LAST_PLACE));
                    if parts.len() as u64 == most {
                        repeated(&mut parts, keeps_first, &mut places);
                        runs.write(&mut places)?;
                        if parts.len() as u64 > most - most / 8 {
                            return Err(too_little(receipts, 2 * most, PART_BYTES, memory));
                        }
                    }
                }
            }
        }
        repeated(&mut parts, keeps_first, &mut places);
        runs.write(&mut places)?;
        parts.clear();
    }
    Ok(runs)
}

/// Ascending lists of places, each in a file.
pub(crate) struct Runs<'a> {
    pass: &'a Work,
    paths: Vec<PathBuf>,
}

impl<'a> Runs<'a> {
    pub fn new(pass: &'a Work) -> Self {
        Runs { pass, paths: Vec::new() }
    }

    /// Writes and clears a list; it need not be sorted.
    pub fn write(&mut self, places: &mut Vec<u64>) -> Result<(), EngineError> {
        if places.is_empty() {
            return Ok(());
        }
        places.sort_unstable();
        let path = self.pass.folder.join(format!("run-{:05}", self.paths.len()));
        let mut file = AtomicFile::create(&path)?;
        for some in places.chunks(1 << 16) {
            let bytes: Vec<u8> = some.iter().flat_map(|place| place.to_le_bytes()).collect();
            file.write_all(&bytes).map_err(EngineError::io(&path))?;
        }
        file.commit(places.len() as u64)?;
        self.paths.push(path);
        places.clear();
        Ok(())
    }

    /// Makes one ascending list of all, of what `place` makes of each in its turn, removes them, and says how long it is.
    pub fn merge(self, to: &Path, mut place: impl FnMut(u64) -> Option<u64>) -> Result<u64, EngineError> {
        let open = |path: &PathBuf| File::open(path).map(BufReader::new).map_err(EngineError::io(path));
        let mut readers: Vec<BufReader<File>> = self.paths.iter().map(open).collect::<Result<_, _>>()?;
        let mut next = |run: usize| {
            let mut place = [0; 8];
            match readers[run].read_exact(&mut place) {
                Ok(()) => Ok(Some(Reverse((u64::from_le_bytes(place), run)))),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(EngineError::io(&self.paths[run])(error)),
            }
        };
        let firsts = (0..self.paths.len()).filter_map(|run| next(run).transpose());
        let mut heads: BinaryHeap<_> = firsts.collect::<Result<_, _>>()?;
        let mut file = AtomicFile::create(to)?;
        let (mut buffer, mut n) = (Vec::new(), 0);
        while let Some(Reverse((next_place, run))) = heads.pop() {
            heads.extend(next(run)?);
            if let Some(place) = place(next_place) {
                buffer.extend(place.to_le_bytes());
                n += 1;
            }
            if buffer.len() >= 1 << 20 || heads.is_empty() {
                file.write_all(&buffer).map_err(EngineError::io(to))?;
                buffer.clear();
            }
        }
        file.commit(n)?;
        for path in &self.paths {
            std::fs::remove_file(path).map_err(EngineError::io(path))?;
        }
        Ok(n)
    }
}

/// The passes that a plan wants before its sweep: stage, its name, and its code.
pub(crate) fn passes(plan: &Plan) -> Vec<(usize, &'static str, &dyn RepeatFilter)> {
    plan.repeat_stages().map(|(stage, code)| (stage, plan.stages[stage].name, code)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "repeats_tests.rs"]
mod tests;
