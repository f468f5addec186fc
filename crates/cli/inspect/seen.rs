//! Texts as the stages of a recipe saw them, with what their checks point at; and such a text in pieces, for whoever does not
//! count in bytes.

#[cfg(feature = "serve")]
use std::collections::BTreeMap;

use document::Document;
use plan::{Explained, Mark, Plan};
#[cfg(feature = "serve")]
use serde_json::{Value, json};

use super::marked::Marked;

/// A text that some stages saw.
pub struct Seen {
    /// The first of them; `None`: the text as it came.
    pub before: Option<&'static str>,
    pub text: String,
    pub marks: Vec<Marked>,
}

impl Seen {
    /// Nothing is marked in it.
    pub fn plain(text: &str) -> Seen {
        Seen { before: None, text: text.to_owned(), marks: Vec::new() }
    }

    #[cfg(feature = "serve")]
    pub fn as_json(&self) -> Value {
        let pieces = pieces(&self.text, &self.marks);
        let pieces = pieces.into_iter().map(|(text, marks)| json!({ "text": text, "marks": marks }));
        json!({ "before": self.before, "pieces": pieces.collect::<Vec<_>>() })
    }
}

/// The stage, and the reason of a mark.
pub fn named<'p>(plan: &'p Plan, explained: &Explained, mark: &Mark) -> (&'static str, Option<&'p str>) {
    let reason = mark.reason.map(|reason| plan.reasons.get(reason).reason.as_str());
    (plan.stages.get(explained.stage).map_or("", |stage| stage.name), reason)
}

/// A document's text as it came, then the texts that later stages saw and have marks in.
pub fn seen(plan: &Plan, document: Document<'_>) -> Vec<Seen> {
    let explained = plan.explain(document);
    let marks = |explained: &Explained| -> Vec<Marked> {
        let label = |mark: &Mark| match named(plan, explained, mark) {
            (_, Some(reason)) => reason.to_owned(),
            (stage, None) => format!("{stage} removes it"),
        };
        explained.marks.iter().map(|mark| Marked { range: mark.range.clone(), label: label(mark) }).collect()
    };
    let mut all = vec![Seen::plain(document.text)];
    let of_original = explained.iter().filter(|explained| explained.text.is_none());
    all[0].marks = of_original.flat_map(marks).collect();
    for explained in &explained {
        let Some(text) = &explained.text else { continue };
        match all.last_mut() {
            // Stages that saw the same text are shown together.
            Some(last) if last.before.is_some() && last.text == *text => last.marks.extend(marks(explained)),
            _ => all.push(Seen {
                before: plan.stages.get(explained.stage).map(|stage| stage.name),
                text: text.clone(),
                marks: marks(explained),
            }),
        }
    }
    all
}

/// A text cut where marks begin and end: each piece with what it is marked for, in order of name.
#[cfg(feature = "serve")]
fn pieces<'t>(text: &'t str, marks: &[Marked]) -> Vec<(&'t str, Vec<String>)> {
    let mut changes: BTreeMap<usize, Vec<(&str, isize)>> = BTreeMap::new();
    for Marked { range, label } in marks {
        if !range.is_empty() && text.get(range.clone()).is_some() {
            changes.entry(range.start).or_default().push((label, 1));
            changes.entry(range.end).or_default().push((label, -1));
        }
    }
    changes.entry(text.len()).or_default();
    let (mut at, mut open, mut pieces) = (0, BTreeMap::<&str, isize>::new(), Vec::new());
    for (end, changed) in changes {
        if at < end {
            let labels = open.iter().filter(|(_, n)| **n > 0).map(|(label, _)| (*label).to_owned());
            pieces.push((&text[at..end], labels.collect()));
        }
        changed.into_iter().for_each(|(label, n)| *open.entry(label).or_default() += n);
        at = end;
    }
    pieces
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text_with_what_it_is_marked_for() {
        let mark = |range, label: &str| Marked { range, label: label.to_owned() };
        let marks =
            [mark(0..6, "a"), mark(3..9, "b"), mark(4..4, "none"), mark(3..9, "b"), mark(7..99, "beyond")];
        let found = pieces("one zwö drei", &marks);
        let shown: Vec<(&str, String)> = found.iter().map(|(text, marks)| (*text, marks.join("+"))).collect();
        let owned = |text, marks: &str| (text, marks.to_owned());
        assert_eq!(shown, [owned("one", "a"), owned(" zw", "a+b"), owned("ö ", "b"), owned("drei", "")]);
        assert!(pieces("", &marks).is_empty());
    }
}
