//! WARC and ARC files: finds whole records by their heads and lengths, and goes on behind what is damaged.
use std::path::Path;
use std::sync::Arc;

use crate::inputs::Compression;
use crate::pieces::{Fill, Gap, Pieces};
use crate::record_head::{Found, Kind, Layout, follows, head, line_ends, look_ahead, next_start};
use crate::warcinfo::{dump_of_name, dump_of_warcinfo};
use crate::{Damage, ReadOptions, RecordCounts, RestartPoint, ShardError};

/// Whole records and where they lie.
pub(crate) struct Records {
    pub bytes: Vec<u8>,
    pub places: Vec<Place>,
    pub layout: Layout,
    /// Of the records before the first `warcinfo` among them.
    pub dump: Option<Arc<str>>,
    pub damage: Damage,
    /// Uncompressed bytes of the file that these are, with all between and behind them.
    pub taken: u64,
}

impl Records {
    /// By type.
    pub fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts::new();
        for place in &self.places {
            *counts.entry(place.kind.name().to_owned()).or_default() += 1;
        }
        counts
    }
}

/// A record in [`Records::bytes`]: head at `start..content`, content up to `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub kind: Kind,
    pub flaw: Flaw,
    pub start: usize,
    pub content: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flaw {
    None,
    /// Its content breaks off, or may be damaged.
    Torn,
    /// It has no length, or another record begins elsewhere: its content cannot be told.
    Length,
    /// So many bytes of content were too many to hold.
    Skipped(u64),
}

pub(crate) struct RecordStream {
    path: Arc<Path>,
    layout: Layout,
    pieces: Pieces,
    /// Read, but not yet cut.
    carry: Vec<u8>,
    /// The piece that is read ends with the carry.
    ending: Option<Ending>,
    dump: Option<Arc<str>>,
    damage: Damage,
    /// The system does not give the rest.
    failure: Option<ShardError>,
    /// At the end of a piece: from here on, bytes of the buffer may be wrong. And why the piece ends.
    gap: Option<(usize, ShardError)>,
    /// Uncompressed bytes that were read, and that were cut.
    given: u64,
    cut: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Last,
    Gap,
}

/// What came of asking for more bytes.
enum Grown {
    /// There are more, or the piece turned out to end.
    Yes,
    /// They go into the next block.
    Cut,
    /// There are no more in this piece.
    No,
}

/// Skipped bytes are read so many at a time.
const SKIP_BYTES: usize = 1 << 20;

impl RecordStream {
    pub fn open(
        path: &Arc<Path>,
        layout: Layout,
        compression: Option<Compression>,
        place: &RestartPoint,
    ) -> Result<Self, ShardError> {
        let pieces = Pieces::open(path, compression, place)
            .map_err(|source| ShardError::io(path, "open it", source))?;
        let mut stream = Self::new(path, layout, pieces);
        (stream.given, stream.cut) = (place.offset, place.offset);
        if place.block > 0 {
            stream.dump = place.dump.as_deref().map(Arc::from);
        }
        Ok(stream)
    }

    /// Where to begin for the next block, and how many bytes to pass over there; none if it would not be the same block.
    pub fn place(&self, options: &ReadOptions) -> Option<(u64, u64)> {
        // Damage that was come upon is told already, and a longer carry would be cut otherwise.
        let is_same = self.ending != Some(Ending::Gap) && self.carry.len() <= options.block_bytes;
        if is_same { self.pieces.start_of(self.cut) } else { None }
    }

    pub fn dump(&self) -> Option<&str> {
        self.dump.as_deref()
    }

    pub fn new(path: &Arc<Path>, layout: Layout, pieces: Pieces) -> Self {
        Self {
            path: path.clone(),
            layout,
            pieces,
            carry: Vec::new(),
            ending: None,
            dump: dump_of_name(&path.to_string_lossy()).map(Arc::from),
            damage: Damage::default(),
            failure: None,
            gap: None,
            given: 0,
            cut: 0,
        }
    }

    /// Bytes on disk that were read so far.
    pub fn position(&self) -> u64 {
        self.pieces.consumed()
    }

    /// The next records, about as many as fill a block; none at the end.
    ///
    /// Errors: the system does not give the rest. Damage in the bytes themselves is told with the records around it.
    pub fn next_records(&mut self, options: &ReadOptions) -> Result<Option<Records>, ShardError> {
        loop {
            let dump = self.dump.clone();
            let (bytes, places) = self.next_places(options.block_bytes, options.longest_record());
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let cut = self.given - self.carry.len() as u64;
            let taken = cut - self.cut;
            self.cut = cut;
            self.pieces.forget_before(cut);
            let is_last = self.ending == Some(Ending::Last) && self.carry.is_empty();
            if self.ending == Some(Ending::Gap) && self.carry.is_empty() {
                self.ending = None;
            }
            let damage = std::mem::take(&mut self.damage);
            if taken > 0 || damage.places > 0 {
                let layout = self.layout;
                return Ok(Some(Records { bytes, places, layout, dump, damage, taken }));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Records up to the end of the block or of the piece. What is behind them becomes the carry.
    fn next_places(&mut self, window: usize, longest: usize) -> (Vec<u8>, Vec<Place>) {
        let mut bytes = std::mem::take(&mut self.carry);
        bytes.reserve((window + look_ahead(self.layout)).saturating_sub(bytes.len()));
        self.need(&mut bytes, window);
        let mut places: Vec<Place> = Vec::new();
        let mut at = 0;
        loop {
            at += line_ends(&bytes[at..]);
            if places.is_empty() && at > 0 && bytes.len() >= window && self.ending.is_none() {
                // A long record must not wait for line ends before it.
                bytes.drain(..at);
                at = 0;
            }
            let found = if at == bytes.len() { Found::Partial } else { head(&bytes[at..], self.layout) };
            let head = match found {
                Found::Head(head) => head,
                Found::Partial => match self.grow(&mut bytes, at, HEAD_STEP, window) {
                    Grown::Yes => continue,
                    Grown::Cut => break,
                    Grown::No if at == bytes.len() => break,
                    Grown::No => {
                        at = self.lose(&mut bytes, at, window);
                        continue;
                    }
                },
                Found::Nothing => {
                    at = self.lose(&mut bytes, at, window);
                    continue;
                }
            };
            let content = at + head.bytes;
            let mut place = Place { kind: head.kind, flaw: Flaw::None, start: at, content, end: content };
            if let Some(length) = head.length.filter(|length| *length > longest as u64) {
                place.flaw = Flaw::Skipped(length);
                places.push(place);
                let here = (bytes.len() - content) as u64;
                if length <= here {
                    at = content + length as usize;
                    continue;
                }
                bytes.truncate(content);
                self.skip(&mut bytes, length - here);
                at = content;
                if self.ending.is_some() {
                    continue;
                }
                break;
            }
            let end = head.length.map(|length| content + length as usize);
            let wanted = end.unwrap_or(content) + look_ahead(self.layout);
            if bytes.len() < wanted {
                let more = wanted - bytes.len();
                match self.grow(&mut bytes, at, more, window) {
                    Grown::Yes => continue,
                    Grown::Cut => break,
                    Grown::No => {}
                }
            }
            match end {
                Some(end) if end <= bytes.len() && follows(&bytes[end..], self.layout) => place.end = end,
                // The record is as long as it is up to the next one, whatever its head says.
                _ => {
                    place.flaw = Flaw::Length;
                    let reach = content.saturating_add(longest).saturating_add(look_ahead(self.layout));
                    let searched = &bytes[..bytes.len().min(reach)];
                    if let Some(next) = next_start(searched, content, self.layout) {
                        place.end = next;
                    } else if bytes.len() < reach && self.ending.is_none() {
                        match self.grow(&mut bytes, at, window, window) {
                            Grown::Cut => break,
                            Grown::Yes | Grown::No => continue,
                        }
                    } else if let Some(end) = end {
                        place.end = end.min(bytes.len());
                        if end > bytes.len() {
                            place.flaw = Flaw::Torn;
                        }
                    } else if bytes.len() < reach {
                        place.end = bytes.len();
                    }
                }
            }
            if place.kind == Kind::Warcinfo {
                let found = dump_of_warcinfo(&bytes[place.content..place.end]).map(Arc::from);
                self.dump = found.or(self.dump.take());
            }
            at = place.end + line_ends(&bytes[place.end..]);
            places.push(place);
        }
        if let Some((from, error)) = self.gap.take() {
            let doubtful = places.iter_mut().filter(|place| place.end > from && place.flaw == Flaw::None);
            doubtful.for_each(|place| place.flaw = Flaw::Torn);
            match error.is_of_the_system() {
                true => self.failure = Some(error),
                false => self.damage.add(error),
            }
        }
        self.carry = bytes.split_off(at);
        (bytes, places)
    }

    /// Reads `more` bytes, unless a whole block is there already: then they are for the next one.
    fn grow(&mut self, bytes: &mut Vec<u8>, at: usize, more: usize, window: usize) -> Grown {
        if self.ending.is_some() {
            return Grown::No;
        }
        let length = bytes.len() + more;
        if at > 0 && length > window {
            return Grown::Cut;
        }
        self.need(bytes, length.max(window));
        Grown::Yes
    }

    fn need(&mut self, bytes: &mut Vec<u8>, length: usize) {
        if self.ending.is_some() {
            return;
        }
        let before = bytes.len();
        let fill = self.pieces.fill(bytes, length);
        self.given += (bytes.len() - before) as u64;
        match fill {
            Fill::Full => {}
            Fill::End => self.ending = Some(Ending::Last),
            Fill::Gap(Gap { fault, spoiled }) => {
                self.ending = Some(Ending::Gap);
                let error = ShardError::new(&self.path, Some(self.given), fault);
                self.gap = Some((bytes.len().saturating_sub(spoiled), error));
            }
        }
    }

    /// No record begins at `at`: goes to where one does, in constant memory. Returns that place.
    fn lose(&mut self, bytes: &mut Vec<u8>, at: usize, window: usize) -> usize {
        let offset = self.given - (bytes.len() - at) as u64;
        let mut lost = 0;
        let next = loop {
            if let Some(next) = next_start(bytes, at + 1, self.layout) {
                lost += (next - at) as u64;
                break next;
            }
            match self.ending {
                Some(Ending::Last) => lost += (bytes.len() - at) as u64,
                // It is the gap's: a head that breaks off.
                Some(Ending::Gap) => lost = 0,
                None => {
                    // What was searched goes, but for a byte that tells whether a line begins behind it.
                    let overlap = look_ahead(self.layout);
                    let gone = (bytes.len() - at).saturating_sub(overlap);
                    lost += gone as u64;
                    bytes.drain(at..at + gone);
                    self.need(bytes, bytes.len() + window.max(overlap));
                    continue;
                }
            }
            bytes.truncate(at);
            break at;
        };
        if lost > 0 {
            self.damage.lose(&self.path, offset, lost);
        }
        next
    }

    /// Passes over the content, which comes behind the bytes, of a record that is too large to hold.
    fn skip(&mut self, bytes: &mut Vec<u8>, mut length: u64) {
        let start = bytes.len();
        while length > 0 && self.ending.is_none() {
            self.need(bytes, start + length.min(SKIP_BYTES as u64) as usize);
            let passed = length.min((bytes.len() - start) as u64);
            bytes.drain(start..start + passed as usize);
            length -= passed;
            if let Some((from, _)) = &mut self.gap {
                *from = from.saturating_sub(passed as usize).max(start);
            }
        }
    }
}

/// A head that is not there whole is awaited in steps of so many bytes.
const HEAD_STEP: usize = 4 << 10;
