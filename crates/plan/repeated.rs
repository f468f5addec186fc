//! Parts of texts that stand in other documents, too: what a pass before the sweep looks for, and what it has found.

use document::{Batch, RepeatFilter};

use crate::plan::{Code, Plan, StageKind};
use crate::sweep::{Scratch, SweepOptions};

/// A part of a document that is looked for elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Position of the document in its block.
    pub position: u32,
    /// As the stage numbers it within the text.
    pub part: u32,
    pub hash: u64,
}

/// The parts of a block's documents that stand elsewhere, too, for each stage that removes such.
#[derive(Clone, Debug, Default)]
pub struct Repeated(Vec<OfStage>);

#[derive(Clone, Debug)]
struct OfStage {
    stage: usize,
    /// Where the parts of each document begin, and where those of the last one end.
    starts: Vec<u32>,
    parts: Vec<u32>,
}

impl Repeated {
    /// Adds what a stage removes of a block of so many documents: position and part, ascending.
    pub fn add(&mut self, stage: usize, documents: usize, found: &[(u32, u32)]) {
        let start =
            |document: usize| found.partition_point(|(position, _)| (*position as usize) < document) as u32;
        let starts = (0..=documents).map(start).collect();
        self.0.push(OfStage { stage, starts, parts: found.iter().map(|(_, part)| *part).collect() });
    }

    pub(crate) fn of(&self, stage: usize, position: u32) -> &[u32] {
        let Some(found) = self.0.iter().find(|found| found.stage == stage) else { return &[] };
        let at = position as usize;
        match (found.starts.get(at), found.starts.get(at + 1)) {
            (Some(start), Some(end)) => &found.parts[*start as usize..*end as usize],
            _ => &[],
        }
    }
}

impl Plan {
    /// Stages that remove what stands in other documents, too; each wants a pass of its own before the sweep.
    pub fn repeat_stages(&self) -> impl Iterator<Item = (usize, &dyn RepeatFilter)> {
        self.stages.iter().enumerate().filter_map(|(index, stage)| match &stage.kind {
            StageKind::Filter(filter) => match &filter.code {
                Code::Repeats(code) => Some((index, code.as_ref())),
                _ => None,
            },
            _ => None,
        })
    }

    /// Calls `each` with position and text of those documents of a block that reach a stage, as the stages before it leave
    /// them. `repeated` is what the passes of such stages before it have found.
    pub fn each_text(
        &self,
        stage: usize,
        batch: &Batch,
        repeated: &Repeated,
        options: &SweepOptions,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(u32, &str),
    ) {
        self.each_reaching(stage, batch, repeated, options, scratch, |position, document, _| {
            each(position, document.text);
        });
    }

    /// The parts of the same documents.
    pub fn parts(
        &self,
        stage: usize,
        batch: &Batch,
        repeated: &Repeated,
        options: &SweepOptions,
        scratch: &mut Scratch,
    ) -> Vec<Part> {
        let mut parts = Vec::new();
        if let Some((_, code)) = self.repeat_stages().find(|(index, _)| *index == stage) {
            self.each_reaching(stage, batch, repeated, options, scratch, |position, document, buffer| {
                code.hash_parts(document, buffer, &mut |part, hash| {
                    parts.push(Part { position, part, hash })
                });
            });
        }
        parts
    }
}
