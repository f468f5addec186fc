//! A document as people see it, or as JSON: reasons, values against bounds, text with what failed marked.

use std::fmt::Write;

use ::report::human_number;
use document::Bound;
use plan::{Explained, Plan, Recipe};
use serde_json::{Value, json};

use super::marked::{self, Style};
use super::seen::{Seen, named, seen};
use super::{Found, visible};

/// The bound of a check on a document of a language.
pub fn bound_of(recipe: Option<&Recipe>, reason: &document::Reason, language: Option<&str>) -> String {
    let bound =
        recipe.and_then(|recipe| plan::resolved::bound(recipe, &reason.stage, &reason.reason, language));
    bound.filter(|bound| *bound != Bound::Off).map_or_else(|| reason.bound.clone(), |bound| bound.to_string())
}

/// Why there is no text of a document to be shown.
pub fn no_text(document: &Found) -> &'static str {
    match () {
        _ if document.bytes() == 0 || document.cell("reason").is_some_and(|r| r.starts_with("input.")) => {
            "it has no text that could be read"
        }
        _ if document.is_kept() => "its text is not in clean/",
        _ => {
            "its text was not written: rejected/ holds a sample, corpus clean --rejected all writes every one"
        }
    }
}

/// A value of a document.
pub struct Standing {
    /// `<stage>.<signal>`.
    pub signal: String,
    pub value: f64,
    /// Of each check of it: `filter.reason`, and what it keeps of this document's language.
    pub bounds: Vec<(String, String)>,
}

/// What documents are shown with.
pub struct Shower<'r> {
    pub run: &'r ::report::Run,
    pub recipe: Option<&'r Recipe>,
    /// `None`: nothing is marked.
    pub plan: Option<&'r Plan>,
    pub signals: bool,
    pub style: Style,
}

impl Shower<'_> {
    /// Where the text fails, stage by stage.
    fn explained(&self, document: &Found) -> Vec<Explained> {
        let (Some(plan), Some(text)) = (self.plan, document.original()) else { return Vec::new() };
        let url = document.cell("url");
        plan.explain(document::Document { url: url.as_deref(), ..document::Document::new(text) })
    }

    /// The text as it came, then those of later stages with marks.
    pub fn seen(&self, document: &Found, text: &str) -> Vec<Seen> {
        let Some(plan) = self.plan.filter(|_| document.original().is_some()) else {
            return vec![Seen::plain(text)];
        };
        let url = document.cell("url");
        seen(plan, document::Document { url: url.as_deref(), ..document::Document::new(text) })
    }

    pub fn as_json(&self, document: &Found) -> anyhow::Result<Value> {
        let reasons: Vec<_> = document
            .reasons(self)?
            .into_iter()
            .map(|(reason, value, bound)| json!({ "reason": reason, "value": value, "bound": bound }))
            .collect();
        let signals: serde_json::Map<_, _> =
            document.signals().into_iter().map(|(name, value)| (name, value.into())).collect();
        let mut marks = Vec::new();
        for explained in self.explained(document) {
            let text = explained.text.as_deref().or(document.text.as_deref()).unwrap_or_default();
            for mark in &explained.marks {
                let Some((stage, reason)) = self.plan.map(|plan| named(plan, &explained, mark)) else {
                    continue;
                };
                // Ranges are of the text as the stage saw it.
                marks.push(json!({
                    "stage": stage, "reason": reason, "start": mark.range.start, "end": mark.range.end,
                    "is_original": explained.text.is_none(), "text": text.get(mark.range.clone()),
                }));
            }
        }
        Ok(json!({
            "id": document.id,
            "language": document.cell("language"),
            "bytes": document.bytes(),
            "kept": document.is_kept(),
            "reasons": reasons,
            "evaluation_item": document.evaluation_item(self.run),
            "duplicate_of": document.cell("duplicate_of"),
            "similarity": document.number("similarity"),
            "signals": signals,
            "text": document.text,
            "marks": marks,
            "duplicate_of_text": document.twin_text,
        }))
    }

    pub fn show(&self, out: &mut String, document: &Found) -> anyhow::Result<()> {
        let language = document.cell("language").unwrap_or_else(|| "language unknown".to_owned());
        let size = ::report::human_bytes(document.bytes());
        writeln!(out, "── {} ── {language}, {size}", visible(&document.id))?;
        if document.is_kept() {
            writeln!(out, "   kept")?;
        }
        for (index, (reason, value, bound)) in document.reasons(self)?.into_iter().enumerate() {
            let start = if index == 0 { "dropped:" } else { "also:   " };
            match value {
                Some(value) => {
                    writeln!(out, "   {start} {reason}: {}, kept would be {bound}", human_number(value))?;
                }
                None => writeln!(out, "   {start} {reason}")?,
            }
        }
        if let Some(item) = document.evaluation_item(self.run) {
            writeln!(out, "   holds a piece of {item}")?;
        }
        if self.signals {
            self.show_signals(out, document)?;
        }
        match &document.text {
            Some(text) => self.show_text(out, document, text)?,
            None => writeln!(out, "   ({})", no_text(document))?,
        }
        if let Some(twin) = document.cell("duplicate_of") {
            let similarity = document.number("similarity").unwrap_or(1.0);
            writeln!(out, "   kept instead: {} (similarity {similarity:.2})", visible(&twin))?;
            if let Some(text) = &document.twin_text {
                marked::show(out, text, &[], self.style, 600)?;
            }
        }
        writeln!(out)?;
        Ok(())
    }

    /// What was measured, beside what its checks keep.
    pub fn standing(&self, document: &Found) -> Vec<Standing> {
        let language = document.language();
        let bounds = |name: &str| {
            let checks = self.run.reasons.0.iter().filter(|reason| {
                reason.signal.as_ref().is_some_and(|signal| format!("{}.{signal}", reason.stage) == name)
            });
            checks
                .map(|check| (check.full_name(), bound_of(self.recipe, check, language.as_deref())))
                .collect()
        };
        let standing = |(signal, value): (String, f64)| Standing { bounds: bounds(&signal), signal, value };
        document.signals().into_iter().map(standing).collect()
    }

    fn show_signals(&self, out: &mut String, document: &Found) -> std::fmt::Result {
        for Standing { signal: name, value, bounds } in self.standing(document) {
            let bounds: Vec<String> = bounds.into_iter().map(|(_, bound)| bound).collect();
            let kept =
                if bounds.is_empty() { String::new() } else { format!("  kept: {}", bounds.join(", ")) };
            writeln!(out, "   {name:<46} {:>10}{kept}", human_number(value))?;
        }
        Ok(())
    }

    /// The beginning of the text, and the parts of it at which a check failed; then those of the texts that later stages
    /// saw.
    fn show_text(&self, out: &mut String, document: &Found, text: &str) -> std::fmt::Result {
        for Seen { before, text, marks } in self.seen(document, text) {
            match before {
                None => marked::show(out, &text, &marks, self.style, HEAD)?,
                Some(stage) => {
                    writeln!(out, "   what was left of it before {stage}:")?;
                    marked::show(out, &text, &marks, self.style, 0)?;
                }
            }
        }
        Ok(())
    }
}

/// Of a text, so many bytes are shown from its beginning.
const HEAD: usize = 1_200;
