//! How many values of a list the rows have that are decoded at once. The decoder makes room for all of them, and where they are
//! nulls or the same, millions take a few bytes of the file: as many as no memory would hold.
use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::schema::types::ColumnDescPtr;

use crate::thrift::variable;

/// Counts the values of a column by its pages' levels, 0 where a row begins: runs of one level, and levels of a few bits each.
/// <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, `RLE`.
pub(crate) struct Lists {
    rows_at_once: u64,
    /// Bits of a level.
    bits: u64,
    /// Values that are too many.
    most: u64,
    /// Rows that began so far.
    rows: u64,
    /// Values in those rows of them that are decoded at once.
    values: u64,
}

/// Bytes that the values of a column, and what says where they belong, may take in the rows that are decoded at once.
const MOST_BYTES: u64 = 128 << 20;
/// A value of no fixed length, with its levels.
pub(crate) const VALUE_BYTES: u64 = 16;

impl Lists {
    /// Of a column whose values have so many bytes each, 0 if the schema does not say.
    pub fn new(column: &ColumnDescPtr, rows_at_once: usize, value_bytes: u64) -> Self {
        let bits = u64::from(i16::BITS - column.max_rep_level().leading_zeros());
        Self {
            rows_at_once: rows_at_once.max(1) as u64,
            bits,
            most: MOST_BYTES / value_bytes.max(VALUE_BYTES),
            rows: 0,
            values: 0,
        }
    }

    /// Whether the rows have too many values, up to the end of this page.
    pub fn are_too_long(&mut self, page: &Page) -> bool {
        // Levels of a whole page without runs take their room in the file.
        let levels = match page {
            Page::DataPage { buf, rep_level_encoding: Encoding::RLE, .. } => buf
                .split_first_chunk::<4>()
                .map(|(length, rest)| &rest[..rest.len().min(u32::from_le_bytes(*length) as usize)]),
            Page::DataPageV2 { buf, rep_levels_byte_len, .. } => buf.get(..*rep_levels_byte_len as usize),
            _ => None,
        };
        self.bits > 0
            && levels.is_some_and(|levels| self.count(levels, u64::from(page.num_values())).is_none())
    }

    /// None where they are too many.
    fn count(&mut self, mut levels: &[u8], mut left: u64) -> Option<()> {
        let bits = self.bits;
        while left > 0
            && let Some((head, rest)) = variable(levels)
        {
            let is_run = head & 1 == 0;
            let bytes = if is_run { bits.div_ceil(8) } else { (head >> 1).saturating_mul(bits) };
            let (packed, behind) =
                rest.split_at(rest.len().min(usize::try_from(bytes).unwrap_or(usize::MAX)));
            if is_run {
                let run = (head >> 1).min(left);
                self.add(packed.iter().all(|byte| *byte == 0), run)?;
                left -= run;
            } else {
                let run = (head >> 1).saturating_mul(8).min(left).min(packed.len() as u64 * 8 / bits);
                let is_zero = |index: u64| {
                    (index * bits..(index + 1) * bits)
                        .all(|bit| packed[(bit / 8) as usize] >> (bit % 8) & 1 == 0)
                };
                (0..run).try_for_each(|index| self.add(is_zero(index), 1))?;
                left -= run;
            }
            levels = behind;
        }
        Some(())
    }

    /// Some values that each begin a row, or that each go on with one.
    fn add(&mut self, begin_rows: bool, values: u64) -> Option<()> {
        if !begin_rows {
            self.values += values;
            return (self.values <= self.most).then_some(());
        }
        // The last batch of rows takes some yet, others come behind it.
        let room = (self.rows_at_once - self.rows % self.rows_at_once) % self.rows_at_once;
        self.values += room.min(values);
        let is_bounded = self.values <= self.most;
        if values > room {
            self.values = (values - room - 1) % self.rows_at_once + 1;
        }
        self.rows += values;
        is_bounded.then_some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn lists(rows_at_once: u64, bits: u64, most: u64) -> Lists {
        Lists { rows_at_once, bits, most, rows: 0, values: 0 }
    }

    #[test]
    fn values_are_counted_by_rows_that_are_decoded_at_once() {
        // A row of 5 values, four of one, a row of 3: 0 1 1 1 1, 0 0 0 0, 0 1 1, as one group of bits and runs behind it.
        let levels = [3, 0b0001_1110, 2 << 1, 0, 2 << 1, 1];
        for (rows_at_once, most) in [(1, 5), (2, 6), (3, 7), (4, 8), (5, 9), (6, 12), (9, 12)] {
            assert!(lists(rows_at_once, 1, most).count(&levels, 12).is_some(), "{rows_at_once}");
            assert!(lists(rows_at_once, 1, most - 1).count(&levels, 12).is_none(), "{rows_at_once}");
        }
        // In parts, as pages may end within a row.
        let mut one = lists(2, 1, 6);
        assert!(one.count(&levels[..2], 8).is_some() && one.count(&levels[2..], 4).is_some());
        assert_eq!((one.rows, one.values), (6, 4));
    }

    #[test]
    fn levels_of_several_bits_are_read() {
        // 0 2 1 3 0 0 2 2 of two bits each, then a run of three times 3.
        let levels = [3, 0b11_01_10_00, 0b10_10_00_00, 3 << 1, 3];
        let mut all = lists(1, 2, 100);
        all.count(&levels, 11).unwrap();
        assert_eq!((all.rows, all.values), (3, 6));
        assert!(lists(1, 2, 6).count(&levels, 11).is_some());
        assert!(lists(1, 2, 5).count(&levels, 11).is_none());
    }

    #[test]
    fn what_breaks_off_is_counted_to_its_end() {
        let mut torn = lists(1, 1, 100);
        torn.count(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0b10], 1 << 30).unwrap();
        assert_eq!((torn.rows, torn.values), (7, 1));
        assert!(lists(1, 1, 1 << 20).count(&[0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 1], 1 << 30).is_none());
    }
}
