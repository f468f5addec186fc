//! What an ablation asks of an arm, and how it speaks of it.

use crate::ablation::is_language;
use crate::arms::{Arm, ArmSpec, Stages};
use serde::{Deserialize, Serialize};

/// What a comparison is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// What the one arm's documents are worth against the other's.
    #[default]
    Effect,
    /// Two arms of one definition: they should not differ.
    Silence,
    /// The positive control: must be better.
    Better,
    /// The negative control: must be worse.
    Worse,
    /// The negative control in another dose: how much damage the budget sees.
    Dose,
    /// What training on held-out text seems to win.
    Leak,
    /// Whether a difference stays at a third of the learning rate.
    Repeat,
}

/// What an arm is measured against, the most telling first, and why.
pub fn asks(arm: &ArmSpec) -> Vec<(&'static str, Asks)> {
    let after_language = match &arm.arm {
        Arm::Stages(stages) => stages.applied.iter().any(|stage| is_language(stage)),
        _ => false,
    };
    match arm.name.as_str() {
        "raw2" => vec![("raw", Asks::Silence)],
        "language_only" => vec![("raw", Asks::Effect)],
        "random_drop" => vec![("raw", Asks::Silence)],
        "all" => {
            vec![("language_only", Asks::Effect), ("random_drop", Asks::Effect), ("raw", Asks::Effect)]
        }
        "pos" => vec![("raw", Asks::Better)],
        "neg" => vec![("raw", Asks::Worse)],
        name if name.starts_with("neg:") => vec![("raw", Asks::Dose)],
        "raw+leak" => vec![("raw", Asks::Leak)],
        "all_slow" => vec![("raw_slow", Asks::Repeat)],
        name if name.starts_with("all-") => vec![("all", Asks::Effect)],
        name if name.starts_with("only:") && after_language => vec![("language_only", Asks::Effect)],
        name if name.starts_with("only:") => vec![("raw", Asks::Effect)],
        _ => Vec::new(),
    }
}

/// What an arm is measured against of the arms that there are. Where every page is in a wanted language, `language_only`
/// is `raw`.
pub fn asked(arm: &ArmSpec, has: impl Fn(&str) -> bool) -> Vec<(&'static str, Asks)> {
    let mut all = asks(arm);
    if !has("language_only") && arm.name.starts_with("only:") {
        all.iter_mut().filter(|(name, _)| *name == "language_only").for_each(|(name, _)| *name = "raw");
    }
    all.retain(|(name, _)| has(name));
    all
}

/// Where an arm stands in a table.
pub fn place(name: &str) -> usize {
    let order: [fn(&str) -> bool; 14] = [
        |name| name == "raw",
        |name| name == "language_only",
        |name| name.starts_with("only:"),
        |name| name == "all",
        |name| name.starts_with("all-"),
        |name| name == "random_drop",
        |name| name == "raw2",
        |name| name == "pos",
        |name| name == "neg",
        |name| name.starts_with("neg:"),
        |name| name == "raw+leak",
        |name| name == "raw_half",
        |name| name == "raw_slow",
        |name| name == "all_slow",
    ];
    order.iter().position(|is_it| is_it(name)).unwrap_or(order.len())
}

/// What an arm is trained on, in words.
pub fn about(arm: &ArmSpec) -> String {
    let stages = |stages: &Stages| {
        let names = stages.applied.iter().filter(|stage| *stage != "input" && !is_language(stage));
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let name = arm.name.as_str();
    match (&arm.arm, name) {
        (_, "raw2") => "raw in another order of its text: the same arm once more (A/A)".to_owned(),
        (_, "raw_half") => "raw on half the tokens, for the token-equivalent gain".to_owned(),
        (_, "raw_slow") => "raw at a third of the learning rate".to_owned(),
        (_, "all_slow") => "all at a third of the learning rate".to_owned(),
        (Arm::Raw, "pos") => {
            format!(
                "raw on {:.1} times the tokens, which must be better",
                f64::from(arm.tokens_percent) / 100.0
            )
        }
        (Arm::Raw, _) => "every document of the control sample, as it came".to_owned(),
        (Arm::LanguageOnly, _) => "those in a wanted language".to_owned(),
        (Arm::RandomDrop, _) => "drawn at random from raw, down to the size of all".to_owned(),
        (Arm::All, _) => "those that the whole recipe keeps, as it leaves them".to_owned(),
        (Arm::Shuffled(percent), "neg") => {
            format!("raw with the words of {percent} % of its documents shuffled, which must be worse")
        }
        (Arm::Shuffled(percent), _) => format!("raw with the words of {percent} % of its documents shuffled"),
        (Arm::Leak, _) => "raw and the held-out pages themselves: what it seems to win is none".to_owned(),
        (Arm::Own, _) => "the text of --positive, which must be better".to_owned(),
        (Arm::Stages(kept), name) if name.starts_with("all-") => {
            format!("the recipe without {}: what {} keep", &name[4..], stages(kept))
        }
        (Arm::Stages(kept), _) if kept.applied.iter().any(|stage| is_language(stage)) => {
            format!("those in a wanted language that {} keep", stages(kept))
        }
        (Arm::Stages(kept), _) => format!("raw as {} keep it", stages(kept)),
    }
}
