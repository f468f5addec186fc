//! The uncompressed bytes of a crawl file, in pieces: where some cannot be read, a piece ends, and the next one begins
//! at the next gzip member that can be read.
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::gzip::{self, Member};
use crate::inputs::Compression;
use crate::unpacked::{STEP_BYTES, Unpacked, bomb, open_file, step_after};
use crate::{Fault, RestartPoint};

/// Why [`Pieces::fill`] stopped.
pub(crate) enum Fill {
    /// There are as many bytes as were wanted.
    Full,
    /// Nothing more comes.
    End,
    /// Bytes are missing here; all before them are given, be they more than were wanted. What comes next, if anything,
    /// is the start of a member.
    Gap(Gap),
}

/// What could not be read.
pub(crate) struct Gap {
    pub fault: Fault,
    /// So many of the last bytes that were given may not be what was packed.
    pub spoiled: usize,
}

pub(crate) struct Pieces {
    source: Source,
    /// Bytes on disk that were read so far.
    consumed: Arc<AtomicU64>,
}

enum Source {
    Members(Box<Members>),
    Whole(Unpacked),
}

impl Pieces {
    pub fn open(path: &Path, compression: Option<Compression>, place: &RestartPoint) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let file = open_file(path, place.stored, &consumed)?;
        let mut pieces = Self::new(file, compression, consumed)?;
        if let Source::Members(members) = &mut pieces.source {
            members.go_to(place.stored, place.offset - place.skip);
        }
        let mut passed = Vec::new();
        let mut left = place.skip as usize;
        while left > 0 {
            passed.clear();
            let Fill::Full = pieces.fill(&mut passed, left.min(STEP_BYTES)) else { break };
            left -= passed.len();
        }
        Ok(pieces)
    }

    /// Of bytes in memory or on disk, as they are packed.
    pub fn new(
        file: Box<dyn Read + Send>,
        compression: Option<Compression>,
        consumed: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let source = match compression {
            Some(Compression::Gzip) => Source::Members(Box::new(Members::new(file))),
            other => Source::Whole(Unpacked::new(file, other, consumed.clone())?),
        };
        Ok(Self { source, consumed })
    }

    /// Bytes on disk that were read so far.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Where to begin in the file for what comes behind so many bytes, and how many to pass over there; none if that
    /// cannot be known.
    pub fn start_of(&self, offset: u64) -> Option<(u64, u64)> {
        match &self.source {
            Source::Members(members) => {
                let (given, at) = *members.starts.iter().rfind(|(given, _)| *given <= offset)?;
                Some((at, offset - given))
            }
            Source::Whole(source) => source.is_plain().then_some((offset, 0)),
        }
    }

    /// Nobody will begin before that.
    pub fn forget_before(&mut self, offset: u64) {
        if let Source::Members(members) = &mut self.source {
            while members.starts.get(1).is_some_and(|(given, _)| *given <= offset) {
                members.starts.pop_front();
            }
        }
    }

    /// Reads until `bytes` is that long, or this piece ends.
    pub fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) -> Fill {
        if bytes.len() >= length {
            return Fill::Full;
        }
        match &mut self.source {
            Source::Members(members) => members.fill(bytes, length),
            Source::Whole(source) => match source.fill(bytes, length) {
                Ok(true) => Fill::Full,
                Ok(false) => Fill::End,
                Err(fault) => Fill::Gap(Gap { fault, spoiled: 0 }),
            },
        }
    }
}

/// Of a member, so many packed bytes are held: a damaged one is searched from there for the start of the next.
const HELD_BYTES: u64 = 1 << 20;

/// Damage shows soon: so many bytes before that may be wrong. They are not given before more of the member is unpacked,
/// so that what is doubtful does not depend on how much is asked for at once.
const SPOILED_BYTES: usize = 64 << 10;

/// The members of a gzip file, one by one.
struct Members {
    file: Box<dyn Read + Send>,
    /// Packed bytes, `base` is their place in the file.
    held: Vec<u8>,
    base: u64,
    /// Place in the file of the next byte to unpack, and of the member that is unpacked.
    at: u64,
    start: u64,
    member: Option<Member>,
    /// What was unpacked; so many bytes of it are given.
    unpacked: Vec<u8>,
    taken: usize,
    /// Bytes unpacked of the member, and in all.
    of_member: u64,
    in_all: u64,
    /// Bytes unpacked before a member, and its place in the file: those where somebody may begin.
    starts: VecDeque<(u64, u64)>,
    ended: bool,
    /// The file cannot be read further.
    failure: Option<io::Error>,
}

impl Members {
    fn new(file: Box<dyn Read + Send>) -> Self {
        Self {
            file,
            held: Vec::new(),
            base: 0,
            at: 0,
            start: 0,
            member: None,
            unpacked: Vec::new(),
            taken: 0,
            of_member: 0,
            in_all: 0,
            starts: VecDeque::new(),
            ended: false,
            failure: None,
        }
    }

    /// The file is read from a place on, before which so many bytes were given.
    fn go_to(&mut self, at: u64, given: u64) {
        (self.base, self.at, self.start, self.in_all) = (at, at, at, given);
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) -> Fill {
        loop {
            let ready = self.unpacked.len() - self.doubtful();
            let end = ready.min(self.taken + length - bytes.len());
            bytes.extend_from_slice(&self.unpacked[self.taken..end]);
            self.taken = end;
            if bytes.len() == length {
                return Fill::Full;
            }
            if self.member.is_none() {
                match self.begin() {
                    Ok(true) => {}
                    Ok(false) => return self.end(),
                    Err(what) => return self.gap(what, bytes),
                }
            }
            let Some(member) = &mut self.member else { return Fill::End };
            self.unpacked.drain(..self.taken);
            self.taken = 0;
            let before = self.unpacked.len();
            let packed = ahead(&self.held, self.at - self.base);
            let step = member.unpack(packed, &mut self.unpacked, before + step_after(self.in_all));
            let unpacked = self.unpacked.len() - before;
            self.of_member += unpacked as u64;
            self.in_all += unpacked as u64;
            match step {
                Ok(step) => {
                    self.at += step.taken as u64;
                    if step.is_end {
                        self.member = None;
                    } else if step.taken == 0 && unpacked == 0 && !self.read_more() {
                        return self.gap("breaks off with the file", bytes);
                    }
                }
                Err(broken) => {
                    self.at += broken.taken as u64;
                    return self.gap(broken.what, bytes);
                }
            }
            // Only where a step ends as it would from any start.
            if self.in_all.is_multiple_of(STEP_BYTES as u64)
                && let Some(fault) = bomb(self.in_all, self.at)
            {
                return self.refuse(fault, bytes);
            }
        }
    }

    /// So many of the last bytes that were unpacked would be wrong if damage came next.
    fn doubtful(&self) -> usize {
        if self.member.is_some() { (self.of_member as usize).min(SPOILED_BYTES) } else { 0 }
    }

    /// Begins the next member; false at the end of the file. Zeros between members are padding.
    fn begin(&mut self) -> Result<bool, &'static str> {
        self.start = self.at;
        self.of_member = 0;
        loop {
            let packed = ahead(&self.held, self.at - self.base);
            let zeros = packed.iter().take_while(|byte| **byte == 0).count();
            let packed = &packed[zeros..];
            self.at += zeros as u64;
            self.start = self.at;
            match gzip::header_length(packed) {
                Some(Ok(length)) => {
                    self.at += length as u64;
                    self.member = Some(Member::new());
                    self.starts.push_back((self.in_all, self.start));
                    return Ok(true);
                }
                Some(Err(())) => return Err("does not begin as one"),
                None if packed.len() > gzip::LONGEST_HEADER => return Err("has no end of its header"),
                None => {}
            }
            let is_empty = packed.is_empty();
            if !self.read_more() {
                return if is_empty { Ok(false) } else { Err("breaks off with the file, in its header") };
            }
        }
    }

    fn end(&mut self) -> Fill {
        match self.failure.take() {
            Some(source) => Fill::Gap(Gap { fault: Fault::io("read it", source), spoiled: 0 }),
            None => Fill::End,
        }
    }

    /// Gives what was unpacked of the member, and leaves it.
    fn leave(&mut self, bytes: &mut Vec<u8>) {
        bytes.extend(self.unpacked.drain(..).skip(self.taken));
        (self.taken, self.member) = (0, None);
    }

    /// Nothing more is read.
    fn refuse(&mut self, fault: Fault, bytes: &mut Vec<u8>) -> Fill {
        self.leave(bytes);
        self.ended = true;
        self.held.clear();
        Fill::Gap(Gap { fault, spoiled: 0 })
    }

    /// Leaves a member that cannot be read, and goes to the next one that can.
    fn gap(&mut self, what: &'static str, bytes: &mut Vec<u8>) -> Fill {
        // A checksum does not tell where: the end of a member that is one record is part of it.
        let is_damage = matches!(what, gzip::DAMAGED | gzip::WRONG_CHECKSUM);
        let spoiled = if is_damage { self.doubtful() } else { 0 };
        self.leave(bytes);
        let (start, broken) = (self.start, self.at);
        self.at = (start + 1).max(self.base);
        loop {
            let packed = ahead(&self.held, self.at - self.base);
            if let Some(found) = gzip::find_member(packed, self.ended) {
                self.at += found as u64;
                break;
            }
            if self.ended {
                self.at += packed.len() as u64;
                break;
            }
            // The start of a member may be the last that is held.
            self.at += packed.len().saturating_sub(gzip::TRIAL_BYTES) as u64;
            self.start = self.at;
            self.read_more();
        }
        self.start = self.at;
        // Nobody should come upon the damage again.
        self.starts.clear();
        self.starts.push_back((self.in_all, self.at));
        if let Some(source) = self.failure.take() {
            return Fill::Gap(Gap { fault: Fault::io("read it", source), spoiled });
        }
        Fill::Gap(Gap { fault: Fault::Member { start, what, lost: self.at.saturating_sub(broken) }, spoiled })
    }

    /// Reads some more of the file; false at its end.
    fn read_more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let needed = self.start.max(self.at.saturating_sub(HELD_BYTES));
        let gone = needed.saturating_sub(self.base).min(self.held.len() as u64);
        self.held.drain(..gone as usize);
        self.base += gone;
        let before = self.held.len();
        self.held.resize(before + STEP_BYTES, 0);
        let read = loop {
            match self.file.read(&mut self.held[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let n = read.unwrap_or_else(|error| {
            self.failure = Some(error);
            0
        });
        self.held.truncate(before + n);
        self.ended = n == 0;
        !self.ended
    }
}

/// The held bytes from `skip` on.
fn ahead(held: &[u8], skip: u64) -> &[u8] {
    held.get(skip as usize..).unwrap_or_default()
}
