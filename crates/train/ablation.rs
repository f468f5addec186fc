//! What an ablation trains: the recipe's stages in families, each alone and each left out, and the controls that say
//! whether an answer can be believed.

use crate::arms::{Arm, ArmSpec, Stages};
use crate::questions::asks;
use crate::selection::DEDUP;
use crate::{Options, TrainError};
use std::path::PathBuf;

/// A stage of the recipe that drops documents or changes their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// As the ledger's reasons begin.
    pub name: String,
    /// It changes texts.
    pub rewrites: bool,
    /// It has judged every document; else those alone that are in a wanted language.
    pub judges_all: bool,
}

/// What is left out at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Language, heuristics, toxicity, deduplication and the like.
    #[default]
    Family,
    /// Each stage, but deduplication as one.
    Stage,
}

/// What a caller asks of an ablation beside what every training wants.
#[derive(Clone, Debug)]
pub struct Ablation {
    /// As for [`crate::train`]. Without a budget or a number of seeds there are two of each arm.
    pub training: Options,
    /// Of the recipe, in its order.
    pub stages: Vec<Stage>,
    /// What is left out at a time.
    pub by: By,
    /// Only these arms, and what they are measured against.
    pub arms: Option<Vec<String>>,
    /// Text that is known to be good (as for `heldout`), for the positive control.
    pub positive: Option<PathBuf>,
    /// Seeds more, once, for what the others leave open; 0 for none.
    pub extra_seeds: u32,
    /// Only plan.
    pub dry_run: bool,
}

/// Seeds without a budget or a wish.
pub const SEEDS: u32 = 2;
/// Of how many documents in a hundred the negative control shuffles the words.
pub const SHUFFLED: u32 = 30;
/// Tokens of the positive control, in per cent of the other arms'.
const TWICE: u32 = 200;
const HALF: u32 = 50;
/// The repeat's learning rate is divided by this.
const SLOWER: u32 = 3;

/// Stages that are asked about together.
struct Family {
    name: String,
    stages: Vec<String>,
}

/// The family of a stage.
fn family(stage: &str) -> &'static str {
    match stage {
        "language" | "fasttext_language" => "language",
        "bad_words" | "c4_badwords" | "url_blocklist" | "dclm_url" => "toxicity",
        "paragraph_dedup" | "sentence_dedup" | "substring_dedup" => "repeats",
        "quality_model" | "column" => "quality",
        "repair" | "mask_pii" => "repair",
        "eval_overlap" => "evaluation",
        stage if DEDUP.contains(&stage) => "dedup",
        _ => "heuristics",
    }
}

fn families(stages: &[Stage], by: By) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for stage in stages {
        let name = match (by, family(&stage.name)) {
            (By::Stage, group) if !["dedup", "language"].contains(&group) => &stage.name,
            (_, group) => group,
        };
        match families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.stages.push(stage.name.clone()),
            None => families.push(Family { name: name.to_owned(), stages: vec![stage.name.clone()] }),
        }
    }
    families
}

/// Every arm that can be asked for, those first that a short budget is best spent on.
pub fn design(ablation: &Ablation) -> Vec<ArmSpec> {
    let Ablation { stages, by, positive, .. } = ablation;
    let families = families(stages, *by);
    let has_language = families.iter().any(|family| family.name == "language");
    let raw = || ArmSpec::from(Arm::Raw);
    let mut arms = vec![raw(), Arm::All.into(), ArmSpec { name: "raw2".into(), order: 1, ..raw() }];
    if has_language {
        arms.push(Arm::LanguageOnly.into());
    }
    let only = |family: &Family| {
        let before = stages.iter().filter(|stage| is_language(&stage.name)).map(|stage| stage.name.clone());
        let sees_all = |stage: &Stage| stage.judges_all || !family.stages.contains(&stage.name);
        let mut applied = family.stages.clone();
        // A stage that has judged documents in a wanted language alone is asked what it adds to that.
        if has_language && !stages.iter().all(sees_all) {
            applied.extend(before.chain(["input".to_owned()]));
        }
        let is_rewritten = stages.iter().any(|stage| stage.rewrites && family.stages.contains(&stage.name));
        ArmSpec::new(
            &format!("only:{}", family.name),
            Arm::Stages(Stages { applied, keeps_kept: false, is_rewritten }),
        )
    };
    let without = |family: &Family| {
        let others = stages.iter().filter(|stage| !family.stages.contains(&stage.name));
        let is_rewritten = others.clone().any(|stage| stage.rewrites);
        let applied = others.map(|stage| stage.name.clone()).chain(["input".to_owned()]).collect();
        ArmSpec::new(
            &format!("all-{}", family.name),
            Arm::Stages(Stages { applied, keeps_kept: true, is_rewritten }),
        )
    };
    let is_dedup = |family: &&Family| family.name == "dedup";
    arms.extend(families.iter().filter(is_dedup).map(only));
    arms.push(Arm::RandomDrop.into());
    arms.push(match positive {
        Some(_) => ArmSpec::new("pos", Arm::Own),
        None => ArmSpec { name: "pos".into(), tokens_percent: TWICE, ..raw() },
    });
    arms.push(ArmSpec::new("neg", Arm::Shuffled(SHUFFLED)));
    arms.extend(families.iter().map(without));
    arms.extend(families.iter().filter(|f| !is_dedup(f) && f.name != "language").map(only));
    arms.push(ArmSpec { name: "raw_half".into(), tokens_percent: HALF, ..raw() });
    for arm in [Arm::Raw, Arm::All] {
        let spec = ArmSpec::from(arm);
        arms.push(ArmSpec { name: format!("{}_slow", spec.name), rate_divisor: SLOWER, ..spec });
    }
    arms
}

pub fn is_language(stage: &str) -> bool {
    family(stage) == "language"
}

/// An arm that is trained where it is asked for by name alone: `neg:PERCENT` (1 to 100), `raw+leak`.
fn optional(name: &str) -> Option<ArmSpec> {
    if name == "raw+leak" {
        return Some(Arm::Leak.into());
    }
    let percent = name.strip_prefix("neg:")?.parse().ok().filter(|percent| (1..=100).contains(percent))?;
    Some(ArmSpec::new(&format!("neg:{percent}"), Arm::Shuffled(percent)))
}

/// Of the arms of a design those that were asked for, with what they are measured against.
///
/// # Errors
/// When there is no such arm.
pub fn chosen(mut design: Vec<ArmSpec>, wanted: Option<&[String]>) -> Result<Vec<ArmSpec>, TrainError> {
    let Some(wanted) = wanted else { return Ok(design) };
    let decided = format!("neg:{SHUFFLED}");
    let name = |wanted: &String| match wanted.as_str() {
        "only:language" => "language_only".to_owned(),
        name if *name == decided => "neg".to_owned(),
        name => name.to_owned(),
    };
    let mut wanted: Vec<String> = wanted.iter().map(name).collect();
    for arm in wanted.iter().filter_map(|name| optional(name)) {
        if !design.contains(&arm) {
            design.push(arm);
        }
    }
    let names: Vec<String> = design.iter().map(|arm| arm.name.clone()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        return Err(TrainError::Refused(format!(
            "--arms: no arm `{unknown}`; the arms of this recipe are {}; raw+leak and neg:1 to neg:100 can be asked \
             for besides",
            names.join(", ")
        )));
    }
    let mut at = 0;
    while at < wanted.len() {
        let arm = design.iter().find(|arm| arm.name == wanted[at]);
        // `all` is worth asking about without a random drop; the others want what they are measured against.
        let mut needed = arm.map(asks).unwrap_or_default();
        needed.retain(|(name, _)| wanted[at] != "all" || *name == "raw");
        for (name, _) in &needed {
            if names.iter().any(|known| known == name) && !wanted.iter().any(|known| known == name) {
                wanted.push((*name).to_owned());
            }
        }
        at += 1;
    }
    Ok(design.into_iter().filter(|arm| wanted.contains(&arm.name)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::questions::{Asks, about, place};

    /// The default recipe.
    pub fn stages() -> Vec<Stage> {
        let names = ["language", "gopher_quality", "c4_quality", "bad_words", "exact_dedup", "minhash"];
        let stage = |name: &str| Stage {
            name: name.to_owned(),
            rewrites: name == "c4_quality",
            judges_all: ["language", "exact_dedup", "minhash"].contains(&name),
        };
        names.map(stage).into()
    }

    fn ablation(by: By) -> Ablation {
        let training = Options::new("out");
        Ablation {
            training,
            stages: stages(),
            by,
            arms: None,
            positive: None,
            extra_seeds: 0,
            dry_run: false,
        }
    }

    fn applied<'a>(arms: &'a [ArmSpec], name: &str) -> (&'a [String], bool) {
        match &arms.iter().find(|arm| arm.name == name).unwrap().arm {
            Arm::Stages(stages) => (&stages.applied, stages.is_rewritten),
            _ => (&[], false),
        }
    }

    #[test]
    fn families_are_asked_about_alone_and_left_out() {
        let arms = design(&ablation(By::Family));
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "raw",
                "all",
                "raw2",
                "language_only",
                "only:dedup",
                "random_drop",
                "pos",
                "neg",
                "all-language",
                "all-heuristics",
                "all-toxicity",
                "all-dedup",
                "only:heuristics",
                "only:toxicity",
                "raw_half",
                "raw_slow",
                "all_slow"
            ]
        );
        assert_eq!(applied(&arms, "only:dedup").0, ["exact_dedup", "minhash"]);
        let (heuristics, is_rewritten) = applied(&arms, "only:heuristics");
        assert!(heuristics == ["gopher_quality", "c4_quality", "language", "input"] && is_rewritten);
        assert!(!applied(&arms, "only:toxicity").1 && !applied(&arms, "all-heuristics").1);
        assert!(applied(&arms, "all-toxicity").1);
        assert_eq!(
            applied(&arms, "all-heuristics").0,
            ["language", "bad_words", "exact_dedup", "minhash", "input"]
        );
        let against = |name: &str| asks(arms.iter().find(|arm| arm.name == name).unwrap())[0];
        assert_eq!(against("only:dedup"), ("raw", Asks::Effect));
        assert_eq!(against("only:toxicity"), ("language_only", Asks::Effect));
        assert_eq!(against("all-dedup"), ("all", Asks::Effect));
        assert!(arms.iter().all(|arm| !about(arm).is_empty() && place(&arm.name) < 14));
    }

    #[test]
    fn stages_can_be_asked_about_one_by_one() {
        let arms = design(&ablation(By::Stage));
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        assert!(names.contains(&"all-gopher_quality") && names.contains(&"only:bad_words"), "{names:?}");
        assert!(names.contains(&"all-dedup") && !names.contains(&"all-minhash"), "{names:?}");
        assert!(applied(&arms, "all-gopher_quality").1 && !applied(&arms, "all-c4_quality").1);
    }

    #[test]
    fn what_an_arm_is_measured_against_comes_with_it() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let arms = chosen(design(&ablation(By::Family)), Some(&wanted));
            arms.map(|arms| arms.into_iter().map(|arm| arm.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["only:heuristics"]).unwrap(), ["raw", "language_only", "only:heuristics"]);
        assert_eq!(names(&["only:language", "all"]).unwrap(), ["raw", "all", "language_only"]);
        assert_eq!(names(&["all_slow"]).unwrap(), ["raw_slow", "all_slow"]);
        // What is not trained unasked.
        assert_eq!(names(&["neg:100", "raw+leak", "neg:100"]).unwrap(), ["raw", "neg:100", "raw+leak"]);
        assert_eq!(names(&["neg:30"]).unwrap(), ["raw", "neg"]);
        assert!(names(&["neg:0"]).is_err() && names(&["neg:101"]).is_err() && names(&["neg:"]).is_err());
        let unknown = names(&["all-heuristic"]).unwrap_err().to_string();
        assert!(unknown.contains("`all-heuristic`") && unknown.contains("all-heuristics"), "{unknown}");
    }
}
