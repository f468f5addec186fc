//! What the writing systems of a text tell of its language: most serve one language only.
//!
//! The ranges are those of Unicode's blocks as whatlang 0.18 assigns them; a test compares every character.

/// What the numbers of characters of each script tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Script {
    /// There are no letters.
    None,
    /// ISO 639-3 name of the one possible language, and the confidence in it.
    One(&'static str, f64),
    /// One of the scripts that several languages share: its place among [`SHARED`].
    Shared(usize),
    /// Not by numbers alone: several scripts are the most frequent, or a character is counted by what came before it.
    Unclear,
}

/// The scripts of several languages.
#[cfg(test)]
pub const SHARED: [whatlang::Script; 5] = {
    use whatlang::Script::{Arabic, Cyrillic, Devanagari, Hebrew, Latin};
    [Latin, Cyrillic, Arabic, Devanagari, Hebrew]
};
/// Places among them.
pub const LATIN: usize = 0;
pub const CYRILLIC: usize = 1;

/// The script of each different character and how often it stands in the text.
pub fn main_script(characters: impl Iterator<Item = (char, u32)>) -> Script {
    let mut counts = [0_u32; SCRIPTS];
    for (character, count) in characters {
        counts[usize::from(script(character))] += count;
    }
    counts[usize::from(NO_SCRIPT)] = 0;
    if counts[usize::from(BY_CONTEXT)] > 0 {
        return Script::Unclear;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return Script::None;
    }
    let mut leaders = (0_u8..).zip(counts).filter(|&(_, count)| count == most);
    let (Some((leader, _)), None) = (leaders.next(), leaders.next()) else { return Script::Unclear };
    match leader {
        HAN => han(most, counts[usize::from(HIRAGANA)] + counts[usize::from(KATAKANA)]),
        ..HAN => Script::Shared(usize::from(leader - FIRST_SHARED)),
        own => Script::One(LANGUAGE[usize::from(own)], 1.0),
    }
}

/// A text mostly of Han characters is Japanese by its share of kana.
fn han(han: u32, kana: u32) -> Script {
    let share = f64::from(kana) / (f64::from(han) + f64::from(kana));
    match share {
        _ if share > 0.2 => Script::One("jpn", 1.0),
        _ if share > 0.05 => Script::One("jpn", 0.5),
        _ if share > 0.02 => Script::One("cmn", 0.5),
        _ => Script::One("cmn", 1.0),
    }
}

const NO_SCRIPT: u8 = 0;
/// Counted as Latin or Cyrillic by whichever was more frequent so far.
const BY_CONTEXT: u8 = 1;
/// Latin, Cyrillic, Arabic, Devanagari, Hebrew.
const FIRST_SHARED: u8 = 2;
const HAN: u8 = 7;
const HIRAGANA: u8 = 8;
const KATAKANA: u8 = 9;
const SCRIPTS: usize = 27;

/// The language of each script that serves only one.
const LANGUAGE: [&str; SCRIPTS] = [
    "", "", "", "", "", "", "", "", "jpn", "jpn", "amh", "kat", "ben", "kor", "ell", "kan", "tam", "tha",
    "guj", "pan", "tel", "mal", "ori", "mya", "sin", "khm", "hye",
];

/// First and last character of each range, and its script.
const RANGES: &[(u32, u32, u8)] = &[
    (0x41, 0x5A, 2),
    (0x61, 0x7A, 2),
    (0x80, 0x2AF, 2),
    (0x1D00, 0x1DBF, 2),
    (0x1E00, 0x1EFF, 2),
    (0x2100, 0x214F, 2),
    (0x2C60, 0x2C7F, 2),
    (0xA720, 0xA7FF, 2),
    (0xAB30, 0xAB6F, 2),
    (0x400, 0x484, 3),
    (0x487, 0x52F, 3),
    (0x2DE0, 0x2DFF, 3),
    (0xA640, 0xA69D, 3),
    (0xA69F, 0xA69F, 3),
    (0x1D2B, 0x1D2B, BY_CONTEXT),
    (0x1D78, 0x1D78, BY_CONTEXT),
    (0x600, 0x6FF, 4),
    (0x750, 0x7FF, 4),
    (0x8A0, 0x8FF, 4),
    (0xFB50, 0xFDFF, 4),
    (0xFE70, 0xFEFF, 4),
    (0x10E60, 0x10E7F, 4),
    (0x1EE00, 0x1EEFF, 4),
    (0x900, 0x97F, 5),
    (0xA8E0, 0xA8FF, 5),
    (0x1CD0, 0x1CFF, 5),
    (0x590, 0x5FF, 6),
    (0x2E80, 0x2E99, HAN),
    (0x2E9B, 0x2EF3, HAN),
    (0x2F00, 0x2FD5, HAN),
    (0x3005, 0x3005, HAN),
    (0x3007, 0x3007, HAN),
    (0x3021, 0x3029, HAN),
    (0x3038, 0x303B, HAN),
    (0x3400, 0x4DB5, HAN),
    (0x4E00, 0x9FCC, HAN),
    (0xF900, 0xFA6D, HAN),
    (0xFA70, 0xFAD9, HAN),
    (0x3040, 0x309F, HIRAGANA),
    (0x30A0, 0x30FF, KATAKANA),
    (0x1200, 0x139F, 10),
    (0x2D80, 0x2DDF, 10),
    (0xAB00, 0xAB2F, 10),
    (0x10A0, 0x10FF, 11),
    (0x980, 0x9FF, 12),
    (0xAC00, 0xD7FF, 13),
    (0x1100, 0x11FF, 13),
    (0x3130, 0x318F, 13),
    (0x3200, 0x32FF, 13),
    (0xA960, 0xA97F, 13),
    (0xFF00, 0xFFEF, 13),
    (0x370, 0x3FF, 14),
    (0xC80, 0xCFF, 15),
    (0xB80, 0xBFF, 16),
    (0xE00, 0xE7F, 17),
    (0xA80, 0xAFF, 18),
    (0xA00, 0xA7F, 19),
    (0xC00, 0xC7F, 20),
    (0xD00, 0xD7F, 21),
    (0xB00, 0xB7F, 22),
    (0x1000, 0x109F, 23),
    (0xD80, 0xDFF, 24),
    (0x1780, 0x17FF, 25),
    (0x19E0, 0x19FF, 25),
    (0x530, 0x58F, 26),
    (0xFB13, 0xFB17, 26),
];

/// No script starts beyond.
const END: usize = 0x1_EF00;

static SCRIPT: [u8; END] = scripts();

const fn scripts() -> [u8; END] {
    let mut table = [NO_SCRIPT; END];
    let mut range = 0;
    while range < RANGES.len() {
        let (mut at, last, script) = RANGES[range];
        while at <= last {
            table[at as usize] = script;
            at += 1;
        }
        range += 1;
    }
    table
}

fn script(character: char) -> u8 {
    SCRIPT.get(character as usize).copied().unwrap_or(NO_SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_of_whatlangs_script() {
        for character in '\0'..=char::MAX {
            let theirs = whatlang::detect_script(character.encode_utf8(&mut [0; 4]));
            let place = theirs.and_then(|theirs| SHARED.iter().position(|shared| *shared == theirs));
            let expected = match (theirs, place) {
                (None, _) => Script::None,
                _ if script(character) == BY_CONTEXT => Script::Unclear,
                (_, Some(place)) => Script::Shared(place),
                (Some(whatlang::Script::Mandarin), _) => Script::One("cmn", 1.0),
                (Some(theirs), None) => Script::One(theirs.langs()[0].code(), 1.0),
            };
            assert_eq!(main_script([(character, 1)].into_iter()), expected, "{character:?}");
        }
    }
}
