//! Thrift's compact protocol, in which Parquet says what is in a file and in a page:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// Structs and lists within each other.
const DEEPEST: usize = 100;

/// What is left to be read.
pub(crate) struct Compact<'a>(pub &'a [u8]);

const TRUE: u8 = 1;
const FALSE: u8 = 2;
pub(crate) const I32: u8 = 5;
pub(crate) const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub fn number(&mut self) -> Option<u64> {
        let (number, rest) = variable(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// Number and type of the next field behind the one numbered `last`; none at the end of the struct.
    pub fn field(&mut self, last: &mut u64) -> Option<Option<(u64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *last = match head >> 4 {
            0 => self.number()? >> 1,
            more => *last + u64::from(more),
        };
        Some(Some((*last, head & 0x0F)))
    }

    /// Length of a list and type of what is in it.
    pub fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.number()?,
            length => u64::from(length),
        };
        // Whatever it is of, an element takes a byte.
        (length <= self.0.len() as u64).then_some((length, head & 0x0F))
    }

    /// Passes over a field of this type, in so many structs and lists.
    pub fn skip(&mut self, kind: u8, within: usize) -> Option<()> {
        match kind {
            // The type says it.
            TRUE | FALSE => Some(()),
            _ => self.skip_value(kind, within),
        }
    }

    fn skip_value(&mut self, kind: u8, within: usize) -> Option<()> {
        match kind {
            TRUE | FALSE | 3 => self.pass(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.number()?;
                self.pass(length)
            }
            LIST | 10 if within < DEEPEST => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_value(kind, within + 1))
            }
            STRUCT if within < DEEPEST => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, within + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}

/// A number in as many bytes as it takes, seven bits in each.
pub(crate) fn variable(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    let value = number.iter().rev().fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7F));
    Some((value, rest))
}
