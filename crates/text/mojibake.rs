//! Text that was UTF-8 and was read as Latin-1 or Windows-1252 (`cafÃ©`), read again: only where that is certain.
//!
//! The chain is ftfy's `fix_encoding` (6.3) for its two Western encodings, the "sloppy" table included (the five bytes
//! that Windows-1252 leaves out stand for their control characters). The decision is not: ftfy asks whether the whole
//! line looks bad, here every *run* of would-be UTF-8 must hold a pair of characters that no writing system puts side
//! by side, such as `â€` or a small letter before `Ã©`. What typography does put behind a capital or an accented
//! letter (`CAFÉ’s`, `liberté »` with a no-break space, `René†‡`) is left alone unless the rest of the line vouches for
//! it: some run is certain, every character beyond ASCII is part of a run,
//! and the lead is one of a common alphabet.
//! ftfy's guesses are left out: lost bytes (`replace_lossy_sequences`), spaces that were no-break (`restore_byte_a0`),
//! Cyrillic, Greek, Turkish, Baltic, Central European, Macintosh and DOS encodings.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Mojibake of mojibake is common, of a third degree rare.
const PASSES: usize = 4;

/// Appends `text`, which holds no line feed, to `out` with its mojibake read again; returns how many runs it repaired.
pub fn repair_line(text: &str, out: &mut String) -> u32 {
    let start = out.len();
    let mut repaired = pass(text, out);
    if repaired > 0 {
        for _ in 1..PASSES {
            let line = out[start..].to_owned();
            out.truncate(start);
            match pass(&line, out) {
                0 => break,
                more => repaired += more,
            }
        }
    }
    repaired
}

/// True if a sequence might begin at `at`: a lead, and a continuation behind it.
pub fn may_begin(text: &str, at: usize) -> bool {
    let mut chars = text[at..].chars();
    let lead = chars.next().and_then(byte_of).is_some_and(|byte| length(byte).is_some());
    lead && chars.next().and_then(byte_of).is_some_and(|byte| byte < 0xC0)
}

/// Adjacent sequences, as a range of the text.
struct Run {
    start: usize,
    end: usize,
    sequences: u32,
    is_certain: bool,
    /// Repaired where the line vouches for it.
    is_likely: bool,
}

fn pass(text: &str, out: &mut String) -> u32 {
    let (runs, is_whole) = runs(text);
    let repairs_all = is_whole && runs.iter().any(|run| run.is_certain);
    let (mut copied, mut repaired) = (0, 0);
    let is_garble = |c: Option<char>| c.is_some_and(|c| byte_of(c).is_some() && !opens(c) && !closes(c));
    for run in runs.iter().filter(|run| run.is_certain || repairs_all && run.is_likely) {
        // Amidst other such characters it is chance: Chinese read as Latin-1, or a script's own signs.
        let before = text[copied..run.start].chars().next_back();
        if is_garble(before) || is_garble(text[run.end..].chars().next()) {
            continue;
        }
        out.push_str(&text[copied..run.start]);
        let bytes: Vec<u8> = text[run.start..run.end].chars().filter_map(byte_of).collect();
        // Every sequence of a run was decoded before.
        out.push_str(std::str::from_utf8(&bytes).unwrap_or_default());
        (copied, repaired) = (run.end, repaired + 1);
    }
    out.push_str(&text[copied..]);
    repaired
}

/// The runs of a line, and whether they hold all of its characters beyond ASCII.
fn runs(text: &str) -> (Vec<Run>, bool) {
    let (mut runs, mut is_whole): (Vec<Run>, bool) = (Vec::new(), true);
    let (mut at, mut before) = (0, None);
    while let Some(c) = text[at..].chars().next() {
        let Some(sequence) = (!c.is_ascii()).then(|| Sequence::at(text, at)).flatten() else {
            is_whole &= c.is_ascii();
            (at, before) = (at + c.len_utf8(), Some(c));
            continue;
        };
        let is_certain = sequence.is_certain(before, text[sequence.end..].chars().next());
        match runs.last_mut().filter(|run| run.end == at) {
            Some(run) => {
                run.end = sequence.end;
                run.sequences += 1;
                // A single pair may be typography; the same a second time without a letter between is none.
                run.is_certain |=
                    is_certain || sequence.count > 2 || run.sequences > 2 || sequence.is_script();
            }
            None => {
                let is_likely = sequence.is_script() || sequence.chars[0] == 'â';
                runs.push(Run { start: at, end: sequence.end, sequences: 1, is_certain, is_likely });
            }
        }
        (at, before) = (sequence.end, text[..sequence.end].chars().next_back());
    }
    (runs, is_whole)
}

/// Characters that, read as bytes, are one character of UTF-8.
struct Sequence {
    chars: [char; 4],
    count: usize,
    end: usize,
}

impl Sequence {
    fn at(text: &str, at: usize) -> Option<Sequence> {
        let mut chars = text[at..].chars();
        let lead = chars.next()?;
        let count = length(byte_of(lead)?)?;
        let mut sequence = Sequence { chars: [lead; 4], count, end: at + lead.len_utf8() };
        let mut bytes = [byte_of(lead)?; 4];
        for (byte, place) in bytes.iter_mut().zip(&mut sequence.chars).take(count).skip(1) {
            let c = chars.next()?;
            *byte = byte_of(c).filter(|byte| (0x80..0xC0).contains(byte))?;
            *place = c;
            sequence.end += c.len_utf8();
        }
        let decoded = std::str::from_utf8(&bytes[..count]).ok()?.chars().next()?;
        let is_text = match get_general_category(decoded) {
            GeneralCategory::Unassigned => false,
            // Word processors' bullets lie in the basic plane.
            GeneralCategory::PrivateUse => decoded < '\u{10000}',
            _ => true,
        };
        is_text.then_some(sequence)
    }

    /// Nobody writes this, between these neighbours.
    fn is_certain(&self, before: Option<char>, after: Option<char>) -> bool {
        let lead = self.chars[0];
        let rest = &self.chars[1..self.count];
        let first = rest[0];
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        let is_small = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
        if lead != '×' && rest.iter().any(|c| is_alien(*c)) {
            // On its own it may be what the text is about: `"Ä¢" (U+00C4, U+00A2)`.
            let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            return self.count > 2 || is_common(lead) || is_word(before) || is_word(after);
        }
        if self.count > 2 {
            // A byte order mark; arrows; signs on their own, where no word ends in `â`.
            return self.chars[..3] == ['ï', '»', '¿']
                || lead == 'â' && (matches!(first, '†' | '‡') || !is_letter(before) && !closes(first));
        }
        if !('À'..='Þ').contains(&lead) || lead == '×' || matches!(first, 'Š' | 'Ž' | 'š' | 'ž') {
            return false;
        }
        if is_small(before) {
            return true;
        }
        let is_latin = matches!(lead, 'Â' | 'Ã');
        let stands_free = before.is_none_or(|c| c.is_ascii() && !c.is_ascii_uppercase());
        if is_latin && stands_free && !closes(first) {
            return true;
        }
        if first == '´' && (lead == 'Â' || lead == 'Ã' && is_letter(before) && is_small(after)) {
            return true;
        }
        let may_precede = |c: char| {
            c.is_ascii_whitespace() || c.is_ascii_digit() || first == '\u{A0}' && ".,;:!?)".contains(c)
        };
        if is_latin && before.is_none_or(may_precede) {
            let ends_well = after.is_none_or(|c| c.is_ascii_whitespace() || c.is_ascii_lowercase());
            return if lead == 'Â' || first == '\u{A0}' { ends_well } else { is_small(after) };
        }
        if matches!(lead, 'Â'..='Å') && is_small(after) && is_sign(first) {
            return true;
        }
        lead == 'Ã' && matches!(first, '“' | '‘' | '†' | '‡') && is_letter(before) && is_letter(after)
    }

    /// The lead of a whole alphabet: Greek, Cyrillic, Hebrew, Arabic; or of Western letters.
    fn is_script(&self) -> bool {
        matches!(self.chars[0], 'Â'..='Å' | 'Î'..='Ñ' | '×'..='Ù')
    }
}

/// How many bytes a lead begins; `None`: it is no lead.
fn length(byte: u8) -> Option<usize> {
    match byte {
        0xC2..=0xDF => Some(2),
        0xE0..=0xEF => Some(3),
        0xF0..=0xF4 => Some(4),
        _ => None,
    }
}

/// What never touches a letter from behind: of the continuations all but what [`closes`], [`is_sign`], quotes that open
/// in one language and close in another, and the letters of Central Europe (`TÝŽDEŇ`).
fn is_alien(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9F}' | '€' | '‚' | 'ƒ' | '„' | 'ˆ' | '‰' | 'Œ' | 'œ' | '˜' | 'Ÿ' | '¢'..='¦' | '¨' | '¬' | '¯'
            | '±' | 'µ' | '¸' | '¼' | '½' | '¾'
    )
}

/// What begins a quotation or a question.
fn opens(c: char) -> bool {
    matches!(c, '“' | '‘' | '„' | '‚' | '«' | '‹' | '¡' | '¿' | '•')
}

/// The leads of the alphabets that most mojibake is of.
fn is_common(lead: char) -> bool {
    matches!(lead, 'Â' | 'Ã' | 'Î'..='Ñ' | 'Ø' | 'Ù')
}

/// What ends a word or a clause in good typography, or stands within a word.
fn closes(c: char) -> bool {
    matches!(c, '…' | '’' | '”' | '–' | '—' | '›' | '»' | '\u{A0}' | '\u{AD}' | '´')
}

/// Signs that may follow a word, but that no small letter follows.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '©' | '®'
            | '™'
            | '°'
            | '²'
            | '³'
            | '¹'
            | '•'
            | '·'
            | '¡'
            | '¿'
            | '§'
            | '¶'
            | 'ª'
            | 'º'
            | '†'
            | '‡'
            | '«'
            | '»'
            | '›'
    )
}

/// The byte that a character is in Windows-1252, or in Latin-1 where that has none.
fn byte_of(c: char) -> Option<u8> {
    match c as u32 {
        code @ 0x80..=0xFF => Some(code as u8),
        0x152..=0x2122 => WINDOWS_1252.iter().position(|known| *known == c).map(|index| 0x80 + index as u8),
        _ => None,
    }
}

/// The characters of the bytes 0x80 to 0x9F.
pub const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> String {
        let mut out = String::new();
        repair_line(text, &mut out);
        out
    }

    /// The text as a program shows it that takes its UTF-8 for Windows-1252.
    fn garbled(text: &str) -> String {
        let char_of = |byte: &u8| match *byte {
            0x80..=0x9F => WINDOWS_1252[usize::from(*byte) - 0x80],
            byte => char::from(byte),
        };
        text.as_bytes().iter().map(char_of).collect()
    }

    const GOOD: [&str; 26] = [
        "ˈmatáˆ jaléˈˋ ¿jáˆ jiéeˋ »Édes fiam",
        "\"Ä¢\" (U+00C4 LATIN CAPITAL LETTER A WITH DIAERESIS)",
        "±±¾©Î÷Ö±ÃÅ³öÊÛÃ»ÓÐ¡°ÖÐ·Í¨Åä¼þ³§",
        "Il a dit : « la liberté\u{A0}» et « déjà\u{A0}», voilà…»",
        "BEYONCÉ’s CAFÉ—and FIANCÉ… “CAFÉ”, NESCAFÉ® is",
        "André†‡, René¹², José§¶, Mª ANDRÉª,º",
        "TÝŽDEŇ DÚŠKA Úžasný NÉŽ",
        "É\u{A0}possível, A IRMÃ… IRMÃ», CAFÉ²",
        "the letter “Â” and «\u{A0}Ã\u{A0}»",
        "¡Olé¡¡ ¿qué¿¿ Spaß“ „Größe“",
        "3×½ and 5×² = ×²",
        "l·l ÀÉÎÕÜ àéîõü ÿ ß",
        "naïve café—no: crème brûlée… déjà vu»",
        "ÅÄÖ, Ångström, Ærø, Øl",
        "Привет, мир. Ωμέγα. שלום. 日本語。한국어",
        "“quoted” ‘single’ – dash — … • ™ © ®",
        "Fußgänger§ 5, Maß–Krug, Groß‑",
        "25 °C, ½ cup, £5, €20, 100 €, µm, ±3",
        "São Paulo (SÃO PAULO), AÇÃO, PÃES",
        "Việt Nam: ĐÀ NẴNG, TẾT, ÂM NHẠC",
        "Hôtel™ L’Été» «Été",
        "Ý… Ë” Ï’ Û— Ä–Ö",
        "MÜNCHEN«, ÖL», ÄRA‹",
        "façade©, Zoé™, Noé®",
        "ð á é í ó ú þ æ ö Þ Ð",
        "Qu’est‑ce que c’est… à\u{A0}: é\u{A0}; è\u{A0}!",
    ];

    #[test]
    fn good_text_stays() {
        for text in GOOD {
            assert_eq!(repaired(text), text);
        }
    }

    #[test]
    fn common_mojibake_is_read_again() {
        for (bad, good) in [
            ("Iâ€™m at the cafÃ©.", "I’m at the café."),
            ("â€œQuotedâ€\u{9D} â€“ 25Â°C Â© Â®", "“Quoted” – 25°C © ®"),
            (
                "Ã©tait, Ã\u{A0} la, Ã‰tÃ©, CAFÃ‰, SÃƒO, PRODUCCIÃ“N",
                "était, à la, Été, CAFÉ, SÃO, PRODUCCIÓN",
            ),
            ("bÄ™dziesz siÄ™ Å»ycie", "będziesz się Życie"),
            ("Ã–sterreich, Ã…rhus, FuÃŸ", "Österreich, Århus, Fuß"),
            ("donÂ’t", "don\u{92}t"),
            ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
            ("ðŸ˜€ â˜… â†’ â–º", "😀 ★ → ►"),
            ("ï»¿Title", "\u{FEFF}Title"),
            ("Ã¢â‚¬â„¢", "’"),
            // One run is certain, and the line is nothing but runs.
            ("AÃ®A itâ€™s", "AîA it’s"),
            ("É\u{A0}e itâ€™s", "É\u{A0}e it’s"),
            ("HÃ´tel NPCÂ´s society.Â\u{A0} Flags", "Hôtel NPC´s society.\u{A0} Flags"),
            // Good and bad in one line: the bad alone.
            ("CAFÉ’s itâ€™s 日本", "CAFÉ’s it’s 日本"),
        ] {
            assert_eq!(repaired(bad), good, "{bad}");
        }
    }

    #[test]
    fn what_was_garbled_once_or_twice_comes_back() {
        let texts = [
            "Les élèves étaient déjà là, à Noël : « ça va ? »",
            "Größe, Übermut, Fuß, ähnlich – „so“",
            "El niño comió jamón y tomó café en España, ¿no?",
            "Zażółć gęślą jaźń",
            "Съешь ещё этих мягких французских булок",
            "日本語の文章です。これは試験。",
            "हिन्दी में लिखा गया पाठ",
            "It’s “fine” — really… 😀",
        ];
        for text in texts {
            let once = garbled(text);
            assert_eq!(repaired(&once), text);
            assert_eq!(repaired(&garbled(&once)), text);
        }
    }

    #[test]
    fn time_is_linear() {
        for unit in ["Ã", "â€", "Ã©", "ð", "Â\u{A0}", "ÃÂ", "é»"] {
            let text = unit.repeat(300_000);
            assert!(repaired(&text).len() <= text.len());
        }
    }
}
