//! Was the text damaged on its way: wrong encoding, control and invisible characters, line endings, decomposed letters?
//!
//! Nothing is dropped, and clean text is not copied. What each repair does is told in `crates/text/repair.rs` and
//! `crates/text/mojibake.rs`; where ftfy has the same repair, its result is ftfy's, but mojibake is repaired only where it
//! is certain, and never where ftfy must guess. It belongs before the language stage: language, words and duplicates
//! are then those of the repaired text.

use document::{
    Check, Document, FilterSpec, Form, Judge, LineEdits, LineFilter, Raised, Settings, Signal, Signals,
};
use text::repair::{Fault, Faults, repair};

pub const FILTER: FilterSpec = FilterSpec {
    name: "repair",
    source: "ftfy 6.3, the safe part of fix_text; Unicode NFC",
    about: "What of it did programs damage? Repairs it.",
    // In the order of `Fault`.
    checks: &[
        Check::edit(
            "mojibake",
            "UTF-8 that was read as Latin-1 or Windows-1252 (`cafÃ©`), where that is certain.",
        )
        .known_as(&[("ftfy", "fix_encoding")]),
        Check::edit(
            "c1_controls",
            "Control characters that are Windows-1252 read as Latin-1: quotes, dashes, the euro.",
        )
        .known_as(&[("ftfy", "fix_c1_controls")]),
        Check::edit("line_endings", "CR LF, CR, U+2028 and U+2029 become line feeds.")
            .known_as(&[("ftfy", "fix_line_breaks")]),
        Check::edit(
            "control_characters",
            "Control characters but tab, line feed and form feed; terminal escapes.",
        )
        .known_as(&[("ftfy", "remove_control_chars")]),
        Check::edit("byte_order_marks", "U+FEFF, wherever it stands.")
            .known_as(&[("ftfy", "remove_control_chars")]),
        Check::edit(
            "zero_width",
            "Zero-width spaces and joiners that no script and no emoji needs where they stand.",
        ),
        Check::edit("decomposed", "Letters and marks that Unicode's NFC writes otherwise.")
            .known_as(&[("ftfy", "normalization")]),
    ],
    signals: &[Signal::Repairs],
    options: &[],
    judge: Judge::Lines(build),
};

/// By check.
const FAULTS: [Fault; text::repair::FAULTS] = [
    Fault::Mojibake,
    Fault::C1Control,
    Fault::LineEnding,
    Fault::ControlCharacter,
    Fault::ByteOrderMark,
    Fault::ZeroWidth,
    Fault::Composition,
];

struct Repair(Faults);

fn build(settings: &Settings) -> Result<Box<dyn LineFilter>, String> {
    let off = FILTER.checks.iter().zip(FAULTS).filter(|(check, _)| settings.off.contains(check.reason));
    Ok(Box::new(Repair(off.fold(Faults::ALL, |faults, (_, fault)| faults.without(fault)))))
}

impl LineFilter for Repair {
    fn judge_lines(
        &self,
        document: &Document<'_>,
        edits: &mut LineEdits,
        signals: &mut Signals,
        _raised: &mut Raised,
        _buffer: &mut String,
    ) {
        edits.clear(FILTER.checks.len());
        let counts = repair(document.text, self.0, &mut edits.written);
        edits.form = if counts.is_some() { Form::Written } else { Form::Whole };
        if let Some(counts) = counts {
            edits.lines.copy_from_slice(&counts);
        }
        signals.set(Signal::Repairs, edits.lines.iter().map(|count| f64::from(*count)).sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{kept_text, settings};

    #[test]
    fn every_repair_is_counted_by_its_check() {
        let text = "\u{FEFF}cafÃ© don\u{92}t\r\na\u{8}\u{200B}e\u{301}";
        let (kept, counts) = kept_text(&FILTER, &settings(&FILTER), text);
        assert_eq!(kept, "café don’t\naé");
        assert_eq!(counts, [1; 7]);
    }

    #[test]
    fn a_check_that_is_off_repairs_nothing() {
        let text = "\u{FEFF}cafÃ© don\u{92}t\r\na\u{8}\u{200B}e\u{301}";
        for (index, check) in FILTER.checks.iter().enumerate() {
            let mut settings = settings(&FILTER);
            settings.off.insert(check.reason.to_owned());
            let (_, counts) = kept_text(&FILTER, &settings, text);
            assert_eq!((counts[index], counts.iter().sum::<u32>()), (0, 6), "{}", check.reason);
        }
        let mut settings = settings(&FILTER);
        settings.off.extend(FILTER.checks.iter().map(|check| check.reason.to_owned()));
        assert_eq!(kept_text(&FILTER, &settings, text), (text.to_owned(), vec![0; 7]));
    }
}
