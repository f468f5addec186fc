//! A document as people see it, or as JSON: reasons, values against bounds, text with what failed marked.

use std::fmt::Write;

use ::report::human_number;
use document::Bound;
use plan::{Explained, Mark, Plan, Recipe};
use serde_json::json;

use super::marked::{self, Marked, Style};
use super::{Found, visible};

/// The bound of a check on a document of a language.
pub fn bound_of(recipe: Option<&Recipe>, reason: &document::Reason, language: Option<&str>) -> String {
    let bound =
        recipe.and_then(|recipe| plan::resolved::bound(recipe, &reason.stage, &reason.reason, language));
    bound.filter(|bound| *bound != Bound::Off).map_or_else(|| reason.bound.clone(), |bound| bound.to_string())
}

/// What documents are shown with.
pub struct Shower<'r> {
    pub run: &'r ::report::Run,
    pub recipe: Option<Recipe>,
    /// `None`: nothing is marked.
    pub plan: Option<Plan>,
    pub signals: bool,
    pub style: Style,
}

impl Shower<'_> {
    /// Where the text fails, stage by stage.
    fn explained(&self, document: &Found) -> Vec<Explained> {
        let (Some(plan), Some(text)) = (&self.plan, document.original()) else { return Vec::new() };
        let url = document.cell("url");
        plan.explain(document::Document { url: url.as_deref(), ..document::Document::new(text) })
    }

    /// The stage, and the reason of a mark.
    fn named(&self, explained: &Explained, mark: &Mark) -> (&'static str, Option<&str>) {
        let reason = self.plan.as_ref().and_then(|plan| Some(plan.reasons.get(mark.reason?)));
        (self.stage(explained), reason.map(|reason| reason.reason.as_str()))
    }

    pub fn as_json(&self, document: &Found) -> anyhow::Result<serde_json::Value> {
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
                let (stage, reason) = self.named(&explained, mark);
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
            None if document.bytes() == 0
                || document.cell("reason").is_some_and(|r| r.starts_with("input.")) =>
            {
                writeln!(out, "   (it has no text that could be read)")?;
            }
            None if document.is_kept() => writeln!(out, "   (its text is not in clean/)")?,
            None => writeln!(
                out,
                "   (its text was not written: rejected/ holds a sample, corpus clean --rejected all writes every one)"
            )?,
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

    fn show_signals(&self, out: &mut String, document: &Found) -> std::fmt::Result {
        let language = document.language();
        for (name, value) in document.signals() {
            let checks = self.run.reasons.0.iter().filter(|reason| {
                reason.signal.as_ref().is_some_and(|signal| format!("{}.{signal}", reason.stage) == name)
            });
            let bounds: Vec<String> =
                checks.map(|reason| bound_of(self.recipe.as_ref(), reason, language.as_deref())).collect();
            let kept =
                if bounds.is_empty() { String::new() } else { format!("  kept: {}", bounds.join(", ")) };
            writeln!(out, "   {name:<46} {:>10}{kept}", human_number(value))?;
        }
        Ok(())
    }

    /// The beginning of the text, and the parts of it at which a check failed; then those of the texts that later stages
    /// saw.
    fn show_text(&self, out: &mut String, document: &Found, text: &str) -> std::fmt::Result {
        let explained = self.explained(document);
        let marks_of = |explained: &Explained| -> Vec<Marked> {
            let label = |mark: &Mark| match self.named(explained, mark) {
                (_, Some(reason)) => reason.to_owned(),
                (stage, None) => format!("{stage} removes it"),
            };
            explained
                .marks
                .iter()
                .map(|mark| Marked { range: mark.range.clone(), label: label(mark) })
                .collect()
        };
        let of_original = explained.iter().filter(|explained| explained.text.is_none());
        let marks: Vec<Marked> = of_original.flat_map(marks_of).collect();
        marked::show(out, text, &marks, self.style, HEAD)?;
        let mut rest = explained.iter().filter(|explained| explained.text.is_some()).peekable();
        while let Some(first) = rest.next() {
            let mut marks = marks_of(first);
            // Stages that saw the same text are shown together.
            while let Some(next) = rest.next_if(|next| next.text == first.text) {
                marks.extend(marks_of(next));
            }
            if let Some(text) = &first.text {
                writeln!(out, "   what was left of it before {}:", self.stage(first))?;
                marked::show(out, text, &marks, self.style, 0)?;
            }
        }
        Ok(())
    }

    fn stage(&self, explained: &Explained) -> &'static str {
        let stage = self.plan.as_ref().and_then(|plan| plan.stages.get(explained.stage));
        stage.map_or("", |stage| stage.name)
    }
}

/// Of a text, so many bytes are shown from its beginning.
const HEAD: usize = 1_200;
