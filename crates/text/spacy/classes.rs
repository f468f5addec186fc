//! Character classes of the rules, read once from `char_classes.txt`.

use std::sync::LazyLock;

pub const ALPHA: u8 = 1;
/// Lower-case letters, and letters of scripts without case.
pub const LOWER: u8 = 2;
/// Upper-case letters, and letters of scripts without case.
pub const UPPER: u8 = 4;
/// Dingbats, emoji and other symbols.
pub const ICON: u8 = 8;
pub const QUOTE: u8 = 16;
/// What may stand before a full stop that is split off.
pub const BEFORE_PERIOD: u8 = 32;
/// A prefix by itself.
pub const PREFIX: u8 = 64;
/// A suffix by itself.
pub const SUFFIX: u8 = 128;

const NAMES: [(&str, u8); 8] = [
    ("alpha", ALPHA),
    ("lower", LOWER),
    ("upper", UPPER),
    ("icon", ICON),
    ("quote", QUOTE),
    ("before_period", BEFORE_PERIOD),
    ("prefix", PREFIX),
    ("suffix", SUFFIX),
];

/// The classes lie in planes 0 to 2.
const PLANES: usize = 3 << 16;

static CLASSES: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut classes = vec![0; PLANES].into_boxed_slice();
    for line in include_str!("char_classes.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ');
        let name = fields.next().unwrap_or_default();
        let flag = NAMES.iter().find(|(known, _)| *known == name).map_or(0, |(_, flag)| *flag);
        debug_assert!(flag != 0, "unknown class {name}");
        for range in fields {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let point = |hex: &str| usize::from_str_radix(hex, 16).unwrap_or(PLANES);
            for class in classes.iter_mut().take(point(last) + 1).skip(point(first)) {
                *class |= flag;
            }
        }
    }
    classes
});

/// The classes of all characters, to be fetched once per text.
#[derive(Clone, Copy)]
pub struct Classes(&'static [u8]);

impl Classes {
    pub fn get() -> Classes {
        Classes(&CLASSES)
    }

    pub fn of(self, c: char) -> u8 {
        self.0.get(c as usize).copied().unwrap_or(0)
    }

    pub fn is(self, c: Option<char>, flags: u8) -> bool {
        c.is_some_and(|c| self.of(c) & flags != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_the_reference_sizes() {
        let classes = Classes::get();
        let sizes = NAMES.map(|(_, flag)| ('\0'..=char::MAX).filter(|&c| classes.of(c) & flag != 0).count());
        assert_eq!(sizes, [105_724, 105_177, 104_939, 5_984, 31, 105_241, 6_091, 6_051]);
        assert!(
            classes.is(Some('a'), LOWER) && !classes.is(Some('a'), UPPER) && classes.is(Some('世'), UPPER)
        );
        assert!(!classes.is(None, ALPHA) && classes.of(char::MAX) == 0);
    }
}
