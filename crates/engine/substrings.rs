//! The pass before the sweep of a stage that removes bytes which stand elsewhere.
//!
//! Of every text the pass keeps the text and its runs of windows with one anchor, which are few. Reads of the runs, each of
//! a part of the range of keys, settle most of them by their hashes alone; the bytes of those that share a key but not all
//! bytes are read again and compared.

use std::fs::File;
use std::os::unix::fs::FileExt;

use dedup::substring::{Range, Recent, Run, Search, push};
use rayon::prelude::*;
use text::anchors::Anchors;

use crate::error::EngineError;
use crate::repeats::{PART_BITS, Runs, reads, too_little};
use crate::sweep_shards::Receipts;
use crate::work::Work;

/// What a chunk says of itself, before all else: its first row, and how many texts, ranges and runs it has.
const HEAD: usize = 32;
/// Bytes of a text's position in the block and of its length.
const TEXT: usize = 8;
/// Bytes of a range of what is known to go.
const RANGE: usize = 16;

/// The chunk of a block, little-endian: head, texts, ranges, runs, then the bytes of the texts; how many runs they are, and
/// how many documents reach the stage: those that `each_text` calls with position and text. Places are within the block.
pub(crate) fn chunk(
    search: &Search,
    first_row: u64,
    each_text: impl FnOnce(&mut dyn FnMut(u32, &str)),
) -> ((Vec<u8>, u32), u64) {
    let mut anchors = Anchors::new(search.window_bytes as usize);
    let mut recent = Recent::default();
    let (mut texts, mut ranges, mut runs, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut survivors = 0;
    each_text(&mut |position, text| {
        survivors += 1;
        // What cannot be numbered is not looked for, and neither is what has no window.
        if text.len() >> PART_BITS != 0 || text.len() < anchors.window_bytes() {
            return;
        }
        texts.extend(position.to_le_bytes());
        texts.extend((text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        anchors.each_run(text.as_bytes(), |run| {
            let run = Run::new(&run, u64::from(position) << PART_BITS);
            if !recent.settles(&run, search, &mut ranges) {
                runs.push(run);
            }
        });
    });
    let mut chunk =
        Vec::with_capacity(HEAD + texts.len() + ranges.len() * RANGE + runs.len() * Run::BYTES + bytes.len());
    for number in [first_row, (texts.len() / TEXT) as u64, ranges.len() as u64, runs.len() as u64] {
        chunk.extend(number.to_le_bytes());
    }
    chunk.extend(texts);
    chunk.extend(ranges.iter().flat_map(|(start, end)| [start.to_le_bytes(), end.to_le_bytes()].concat()));
    for run in &runs {
        chunk.extend(run.context.to_le_bytes());
        chunk.extend(run.key.to_le_bytes());
        chunk.extend(run.place.to_le_bytes());
    }
    chunk.extend(bytes);
    ((chunk, runs.len() as u32), survivors)
}

/// Where a block's chunk lies.
struct Chunk {
    shard: u32,
    part: u32,
    offset: u64,
    /// Numbered over all shards.
    first_document: u64,
    texts: usize,
    ranges: usize,
    runs: usize,
}

impl Chunk {
    fn ranges_at(&self) -> u64 {
        self.offset + (HEAD + self.texts * TEXT) as u64
    }

    fn runs_at(&self) -> u64 {
        self.ranges_at() + (self.ranges * RANGE) as u64
    }

    fn bytes_at(&self) -> u64 {
        self.runs_at() + (self.runs * Run::BYTES) as u64
    }
}

/// The chunks of all segments, in input order.
struct Chunks<'a> {
    pass: &'a Work,
    chunks: Vec<Chunk>,
}

/// The file of a segment that is read at the moment.
type Open = Option<((u32, u32), File)>;

impl Chunks<'_> {
    fn of<'a>(receipts: &Receipts, pass: &'a Work, bases: &[u64]) -> Result<Chunks<'a>, EngineError> {
        let mut all = Chunks { pass, chunks: Vec::new() };
        let mut open = None;
        for receipt in receipts.values().flatten() {
            let base = bases.get(receipt.shard as usize).copied().unwrap_or(0);
            for (offset, _) in &receipt.carried {
                let (shard, part, offset) = (receipt.shard, receipt.part, *offset);
                let mut chunk =
                    Chunk { shard, part, offset, first_document: 0, texts: 0, ranges: 0, runs: 0 };
                let head = all.read(&mut open, &chunk, offset, HEAD)?;
                let [first_row, texts, ranges, runs] = numbers(&head);
                chunk.first_document = base + first_row;
                (chunk.texts, chunk.ranges, chunk.runs) = (texts as usize, ranges as usize, runs as usize);
                all.chunks.push(chunk);
            }
        }
        Ok(all)
    }

    fn read(
        &self,
        open: &mut Open,
        chunk: &Chunk,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, EngineError> {
        let path = self.pass.carried(chunk.shard, chunk.part);
        let segment = (chunk.shard, chunk.part);
        if open.as_ref().is_none_or(|(other, _)| *other != segment) {
            *open = Some((segment, File::open(&path).map_err(EngineError::io(&path))?));
        }
        let mut bytes = vec![0; length];
        if let Some((_, file)) = open {
            file.read_exact_at(&mut bytes, offset).map_err(EngineError::io(&path))?;
        }
        Ok(bytes)
    }

    /// The bytes of runs, and where those of each begin.
    fn bytes_of(&self, runs: &[Run], search: &Search) -> Result<(Vec<u8>, Vec<usize>), EngineError> {
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_unstable_by_key(|at| runs[*at].place());
        let (mut bytes, mut starts) = (Vec::new(), vec![0; runs.len()]);
        let mut open = None;
        let mut rest = order.as_slice();
        while let Some(at) = rest.first() {
            let document = runs[*at].place() >> PART_BITS;
            let next = self.chunks.partition_point(|chunk| chunk.first_document <= document);
            let Some(chunk) = next.checked_sub(1).and_then(|at| self.chunks.get(at)) else { break };
            let end = self.chunks.get(next).map_or(u64::MAX, |chunk| chunk.first_document);
            let here = rest.iter().take_while(|at| runs[**at].place() >> PART_BITS < end).count();
            let (wanted, others) = rest.split_at(here);
            rest = others;
            let table = self.read(&mut open, chunk, chunk.offset + HEAD as u64, chunk.texts * TEXT)?;
            let mut texts = table.as_chunks::<TEXT>().0.iter().map(|text| {
                let [position, length] = numbers32(text);
                (chunk.first_document + u64::from(position), u64::from(length))
            });
            let (mut text, mut offset) = (texts.next(), chunk.bytes_at());
            // From where to where they lie in the file.
            let mut places: Vec<Range> = Vec::new();
            for at in wanted {
                let (start, end) = search.range(&runs[*at]);
                let document = start >> PART_BITS;
                while let Some((_, length)) = text.filter(|(other, _)| *other < document) {
                    offset += length;
                    text = texts.next();
                }
                let first = offset + (start & ((1 << PART_BITS) - 1));
                places.push((first, first + (end - start)));
            }
            let mut pieces: Vec<Range> = Vec::new();
            places.iter().for_each(|(start, end)| push(&mut pieces, (*start, end + NEAR)));
            let mut at = 0;
            for (start, end) in pieces {
                let piece = self.read(&mut open, chunk, start, (end - NEAR - start) as usize)?;
                while let Some((from, to)) = places.get(at).filter(|(_, to)| *to + NEAR <= end) {
                    starts[wanted[at]] = bytes.len();
                    bytes.extend_from_slice(&piece[(from - start) as usize..(to - start) as usize]);
                    at += 1;
                }
            }
        }
        Ok((bytes, starts))
    }
}

/// What lies no farther apart is read at once.
const NEAR: u64 = 16 << 10;

fn numbers<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let words = bytes.as_chunks::<8>().0;
    std::array::from_fn(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)))
}

fn numbers32(text: &[u8; TEXT]) -> [u32; 2] {
    let both = u64::from_le_bytes(*text);
    [both as u32, (both >> 32) as u32]
}

/// Of so many runs of one key, windows are looked up, not compared two by two.
const MANY: usize = 32;

/// Finds what goes, of the runs that the pass has written for all shards; `progress` is told how much is done, and of how
/// much, and may stop the work.
pub(crate) fn find<'a>(
    receipts: &Receipts,
    pass: &'a Work,
    (search, bases): (&Search, &[u64]),
    memory: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
) -> Result<Runs<'a>, EngineError> {
    let chunks = Chunks::of(receipts, pass, bases)?;
    let n: u64 = chunks.chunks.iter().map(|chunk| chunk.runs as u64).sum();
    // Of the memory a half holds runs, at most a quarter what settles at once of them, and the rest what is compared.
    let most = (memory / 2 / Run::BYTES as u64).max(1);
    let reads = reads(receipts, (n, most), Run::BYTES, memory)?;
    let mut found = Finding { chunks: &chunks, search, memory, gone: Vec::new(), events: Runs::new(pass) };
    let mut runs: Vec<Run> = Vec::with_capacity(n.min(most) as usize);
    let total = reads * chunks.chunks.len() as u64;
    for read in 0..reads {
        let mut open = None;
        for (at, chunk) in chunks.chunks.iter().enumerate() {
            progress(read * chunks.chunks.len() as u64 + at as u64, total)?;
            let first = chunk.first_document << PART_BITS;
            if read == 0 {
                let ranges = chunks.read(&mut open, chunk, chunk.ranges_at(), chunk.ranges * RANGE)?;
                for range in ranges.as_chunks::<RANGE>().0 {
                    let [start, end] = numbers(range);
                    found.gone.push((first + start, first + end));
                }
                found.write_beyond(memory / 8)?;
            }
            let bytes = chunks.read(&mut open, chunk, chunk.runs_at(), chunk.runs * Run::BYTES)?;
            for run in bytes.as_chunks::<{ Run::BYTES }>().0 {
                let [low, high, key, place] = numbers(run);
                if (u128::from(key) * u128::from(reads)) >> 64 != u128::from(read) {
                    continue;
                }
                let context = u128::from(high) << 64 | u128::from(low);
                runs.push(Run { key, context, place: first + place });
                if runs.len() as u64 == most {
                    search.settle(&mut runs, &mut found.gone);
                    found.write_beyond(0)?;
                    if runs.len() as u64 > most - most / 8 {
                        return Err(too_little(receipts, 2 * most, Run::BYTES, memory));
                    }
                }
            }
        }
        search.settle(&mut runs, &mut found.gone);
        search.retain_alike(&mut runs);
        found.write_beyond(0)?;
        found.compare(&runs, &|| progress((read + 1) * chunks.chunks.len() as u64, total))?;
        runs.clear();
    }
    found.write_beyond(0)?;
    Ok(found.events)
}

struct Finding<'a, 'b> {
    chunks: &'b Chunks<'a>,
    search: &'b Search,
    memory: u64,
    gone: Vec<Range>,
    /// Where ranges begin and end; see [`joined`].
    events: Runs<'a>,
}

impl Finding<'_, '_> {
    /// Writes what goes if it takes more than so many bytes.
    fn write_beyond(&mut self, bytes: u64) -> Result<(), EngineError> {
        if self.gone.len() as u64 * RANGE as u64 <= bytes {
            return Ok(());
        }
        self.gone.sort_unstable();
        self.gone.dedup_by(|range, last| {
            let touches = range.0 <= last.1;
            if touches {
                last.1 = last.1.max(range.1);
            }
            touches
        });
        let mut events = Vec::with_capacity(2 * self.gone.len());
        self.gone.drain(..).for_each(|(start, end)| events.extend([start << 1, end << 1 | 1]));
        self.events.write(&mut events)
    }

    /// Compares settled runs in portions of as many keys as the memory has room for.
    fn compare(
        &mut self,
        runs: &[Run],
        unless_stopped: &dyn Fn() -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let room = self.memory / 8;
        let length = |run: &Run| {
            let (start, end) = self.search.range(run);
            end - start + size_of::<(Run, &[u8])>() as u64
        };
        let mut portions = Vec::new();
        let (mut start, mut end, mut held) = (0, 0, 0);
        for of_key in runs.chunk_by(|a, b| a.key == b.key) {
            let bytes: u64 = of_key.iter().map(length).sum();
            if held > 0 && held + bytes > room {
                portions.push((start..end, held));
                (start, held) = (end, 0);
            }
            end += of_key.len();
            held += bytes;
        }
        portions.push((start..end, held));
        for (portion, held) in portions {
            unless_stopped()?;
            let runs = &runs[portion];
            if held > room {
                // All of one key.
                self.look_up(runs, None, room)?;
            } else {
                self.compare_portion(runs, room)?;
            }
            self.write_beyond(self.memory / 8)?;
        }
        Ok(())
    }

    fn compare_portion(&mut self, runs: &[Run], room: u64) -> Result<(), EngineError> {
        let (bytes, starts) = self.chunks.bytes_of(runs, self.search)?;
        let with_bytes = with_bytes(runs, &bytes, &starts, self.search);
        let keys: Vec<&[(Run, &[u8])]> = with_bytes.chunk_by(|(a, _), (b, _)| a.key == b.key).collect();
        let (many, few): (Vec<_>, Vec<_>) = keys.into_iter().partition(|runs| runs.len() > MANY);
        let compared = few.par_iter().map(|runs| {
            let mut gone = Vec::new();
            self.search.compare(runs, &mut gone);
            gone
        });
        self.gone.extend(compared.collect::<Vec<_>>().into_iter().flatten());
        for with_bytes in many {
            let runs: Vec<Run> = with_bytes.iter().map(|(run, _)| *run).collect();
            self.look_up(&runs, Some(with_bytes), room)?;
        }
        Ok(())
    }

    /// Looks up the windows of the runs of one key, of which the bytes may be known, a part of their hashes at a time.
    fn look_up(
        &mut self,
        runs: &[Run],
        known: Option<&[(Run, &[u8])]>,
        room: u64,
    ) -> Result<(), EngineError> {
        let length = |run: &Run| {
            let (start, end) = self.search.range(run);
            end - start
        };
        let longest = runs.iter().map(length).max().unwrap_or(1);
        let windows: u64 = runs.iter().map(|run| length(run) + 1 - self.search.window_bytes).sum();
        let parts = (windows * size_of::<(u128, u64)>() as u64).div_ceil(room).max(1);
        for part in 0..parts {
            let mut windows = Vec::new();
            match known {
                Some(runs) => self.search.windows(runs, (part, parts), &mut windows),
                None => {
                    for some in runs.chunks((room / longest).max(1) as usize) {
                        let (bytes, starts) = self.chunks.bytes_of(some, self.search)?;
                        let runs = with_bytes(some, &bytes, &starts, self.search);
                        self.search.windows(&runs, (part, parts), &mut windows);
                    }
                }
            }
            self.search.settle_windows(&mut windows, &mut self.gone);
            self.write_beyond(self.memory / 8)?;
        }
        Ok(())
    }
}

fn with_bytes<'b>(runs: &[Run], bytes: &'b [u8], starts: &[usize], search: &Search) -> Vec<(Run, &'b [u8])> {
    let bytes_of = |(run, start): (&Run, &usize)| {
        let (from, to) = search.range(run);
        (*run, &bytes[*start..*start + (to - from) as usize])
    };
    runs.iter().zip(starts).map(bytes_of).collect()
}

/// Of ascending beginnings and ends of ranges, those of what they cover together.
pub(crate) fn joined() -> impl FnMut(u64) -> Option<u64> {
    let mut open = 0_u64;
    move |event| {
        let is_end = event & 1 == 1;
        open = if is_end { open - 1 } else { open + 1 };
        (open == u64::from(!is_end)).then_some(event >> 1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "substrings_tests.rs"]
mod tests;
