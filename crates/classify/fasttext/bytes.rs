//! Reading a file that may be cut short or lie about its sizes.

use std::ops::Deref;

use document::FileBytes;

/// A position in a file. Every size is checked against what is left before anything is allocated.
pub(super) struct Bytes {
    file: FileBytes,
    at: usize,
}

/// A part of the file, which it keeps alive.
#[derive(Clone)]
pub(super) struct Part {
    file: FileBytes,
    start: usize,
    end: usize,
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.file[self.start..self.end]
    }
}

impl Bytes {
    pub fn new(file: FileBytes) -> Bytes {
        Bytes { file, at: 0 }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.file.len() - self.at
    }

    /// The next `length` bytes. `what` names them for the error.
    pub fn part(&mut self, length: u64, what: &str) -> Result<Part, String> {
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => {
                let start = self.at;
                self.at += length;
                Ok(Part { file: self.file.clone(), start, end: self.at })
            }
            _ => Err(format!("cut short: {what} has {length} bytes, {} are left", self.left())),
        }
    }

    /// Everything that is left, without moving on.
    pub fn rest(&self) -> Part {
        Part { file: self.file.clone(), start: self.at, end: self.file.len() }
    }

    pub fn skip(&mut self, length: u64, what: &str) -> Result<(), String> {
        self.part(length, what).map(drop)
    }

    /// The bytes up to the next zero, which is skipped.
    pub fn text(&mut self, what: &str) -> Result<Part, String> {
        let length = self.file[self.at..].iter().position(|byte| *byte == 0);
        let length = length.ok_or_else(|| format!("cut short: {what} has no end"))?;
        let text = self.part(length as u64, what)?;
        self.at += 1;
        Ok(text)
    }

    pub fn u8(&mut self, what: &str) -> Result<u8, String> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub fn flag(&mut self, what: &str) -> Result<bool, String> {
        match self.u8(what)? {
            byte @ 0..=1 => Ok(byte == 1),
            byte => Err(format!("{what}: {byte} is neither yes nor no")),
        }
    }

    pub fn i32(&mut self, what: &str) -> Result<i32, String> {
        self.array(what).map(i32::from_le_bytes)
    }

    pub fn i64(&mut self, what: &str) -> Result<i64, String> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// A number of things of at least `size` bytes each, which must have room in what is left.
    pub fn count(&self, number: i64, size: u64, what: &str) -> Result<usize, String> {
        let room = self.left() as u64 / size.max(1);
        match u64::try_from(number) {
            Ok(number) if number <= room => Ok(number as usize),
            _ => Err(format!("cut short: {number} {what}, and room for {room}")),
        }
    }

    pub fn end(&self) -> Result<(), String> {
        match self.left() {
            0 => Ok(()),
            left => Err(format!("{left} bytes follow the model")),
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        let array = self.file[self.at..].first_chunk::<N>().copied();
        self.at += array.map_or(0, |_| N);
        array.ok_or_else(|| format!("cut short in {what}"))
    }
}
