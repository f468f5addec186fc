//! Tallies to words and pictures: the terminal table, `report.json`, `report.html` and the dataset card.
//!
//! **Invariant:** derived from what a run leaves behind, never called by a stage; structs in, strings out.

mod card;
mod comparison;
mod dashboard;
mod human;
mod live;
mod method;
mod metrics;
mod run;
mod terminal;
mod training;
mod what_if;

pub use card::render_card;
pub use comparison::{
    Cell, ComparedDocument, ComparedRun, Comparison, Rewritten, render_comparison, render_matrix,
};
pub use dashboard::{CHAPTERS, page_numbers, render_dashboard, render_served};
pub use human::{human_bytes, human_count, human_number};
pub use live::Live;
pub use method::render_method;
pub use metrics::{
    Advice, Forecast, Foretold, ForetoldModel, LadderModel, Metric, MetricArm, MetricDifference, Scored,
    ScoredModel,
};
pub use run::{
    Cluster, ClusterDocument, ClusterSize, EXTRACT, EvaluationSet, Extraction, FileNote, Inputs, Member,
    MixSummary, Phase, Run, Sample, StageInfo, StageKind, Timing, TokenSummary,
};
pub use terminal::{render_json, render_table};
pub use training::{
    Ablation, ArmInfo, Asks, Control, Curve, Difference, Gain, Generated, Point, Rewind, Training, Verdict,
    curves,
};
pub use what_if::{Change, Group, Setting, Shown, WhatIf, render_what_if};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fixture_metrics;
#[cfg(test)]
mod fixture_training;
