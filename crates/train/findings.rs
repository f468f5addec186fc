//! What an ablation may conclude: verdicts that allow for the number of questions, and whether the controls came out as
//! they must.

use crate::ablation::SHUFFLED;
use crate::comparison::{Comparison, Verdict};
use crate::extension::{Extra, Pair};
use crate::outcome::Outcome;
use crate::questions::{Asks, place};
use crate::statistics::holm;
use serde::{Deserialize, Serialize};

/// Chance of a finding where there is nothing, over all questions on a held-out set together.
pub const FALSE_ALARM: f64 = 0.05;
/// A smaller difference in bits per byte does not matter.
pub const SMALLEST_OF_INTEREST: f64 = 0.005;
/// An experiment that could not find this many bits per byte does not say that there is nothing.
const WORTH_RESOLVING: f64 = 0.06;

/// What an ablation adds to an outcome.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// Runs that are finished.
    pub runs_done: usize,
    /// Runs of the plan, with those that what it left open was given.
    pub runs: usize,
    /// More seeds that the plan allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Extra>,
    /// The comparisons that were given them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<Pair>,
    /// The held-out set that the headline is about.
    pub set: String,
    /// What was found, in a sentence or two.
    pub headline: String,
    /// On the held-out set of the headline.
    pub controls: Vec<Control>,
    /// In the order of the tables.
    pub arms: Vec<ArmFacts>,
}

/// A comparison whose answer is known before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Control {
    /// Name of the arm.
    pub arm: String,
    /// What it is measured against.
    pub against: String,
    /// What must come out.
    pub asks: Asks,
    /// Whether it did; absent where too few runs are finished.
    pub is_met: Option<bool>,
}

/// What an arm is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmFacts {
    /// Name of the arm.
    pub arm: String,
    /// What it is trained on, in words.
    pub about: String,
    /// Documents in the runs of seed 0.
    pub documents: usize,
    /// Documents of `raw` that it does not have.
    pub left_out: usize,
    /// Unique tokens in the runs of seed 0.
    pub tokens: usize,
    /// Tokens of a run.
    pub tokens_per_run: usize,
}

/// Sets the verdicts of all comparisons.
///
/// Effects and silences are one family of questions per held-out set (Holm 1979); the controls that must show are asked
/// by themselves. Where two arms of one definition differ, nothing is concluded on that set; where a control that must
/// show does not, "no difference" is not either.
pub fn judge(comparisons: &mut [Comparison]) {
    let mut sets: Vec<String> = comparisons.iter().map(|c| c.set.clone()).collect();
    sets.dedup();
    for set in sets {
        let is_asked = |c: &Comparison| c.set == set && matches!(c.asks, Asks::Effect | Asks::Silence);
        let ps: Vec<f64> = comparisons.iter().filter(|c| is_asked(c)).filter_map(|c| c.p).collect();
        let mut adjusted = holm(&ps).into_iter();
        for comparison in comparisons.iter_mut().filter(|c| c.set == set) {
            let is_asked = matches!(comparison.asks, Asks::Effect | Asks::Silence);
            comparison.p_adjusted =
                comparison.p.and_then(|p| if is_asked { adjusted.next() } else { Some(p) });
            comparison.verdict = verdict(comparison);
        }
        let of_set = || comparisons.iter().filter(|c| c.set == set);
        let is_loud = of_set().any(|c| is_met(c) == Some(false) && c.asks == Asks::Silence);
        let is_blind =
            of_set().any(|c| is_met(c) == Some(false) && matches!(c.asks, Asks::Better | Asks::Worse));
        let concludes_nothing = |c: &Comparison| match c.verdict {
            Verdict::Better | Verdict::Worse => is_loud && c.asks == Asks::Effect,
            Verdict::NoDifference => is_loud || is_blind,
            Verdict::TooWide => false,
        };
        for comparison in comparisons.iter_mut().filter(|c| c.set == set && concludes_nothing(c)) {
            comparison.verdict = Verdict::TooWide;
        }
    }
}

fn verdict(comparison: &Comparison) -> Verdict {
    let (Some((low, high)), Some(detectable), Some(p)) =
        (comparison.interval, comparison.smallest_detectable, comparison.p_adjusted)
    else {
        return Verdict::TooWide;
    };
    let farthest = high.max(-low);
    match () {
        () if p < FALSE_ALARM && comparison.difference < 0.0 => Verdict::Better,
        () if p < FALSE_ALARM => Verdict::Worse,
        () if farthest <= SMALLEST_OF_INTEREST => Verdict::NoDifference,
        () if farthest <= detectable && detectable <= WORTH_RESOLVING => Verdict::NoDifference,
        () => Verdict::TooWide,
    }
}

/// Whether a control came out as it must; none for what is no control or has no interval yet.
fn is_met(comparison: &Comparison) -> Option<bool> {
    let p = comparison.p_adjusted?;
    let is_found = p < FALSE_ALARM;
    match comparison.asks {
        Asks::Effect | Asks::Leak | Asks::Repeat => None,
        Asks::Silence => Some(!is_found),
        Asks::Better => Some(is_found && comparison.difference < 0.0),
        Asks::Worse | Asks::Dose => Some(is_found && comparison.difference > 0.0),
    }
}

/// The held-out set that the headline is about.
pub fn headline_set(comparisons: &[Comparison]) -> &'static str {
    let has = |set: &&str| comparisons.iter().any(|c| c.set == **set);
    ["own", "kept", "raw"].into_iter().find(has).unwrap_or_default()
}

/// Adds what is concluded; of `findings` runs, what the plan allowed, and the arms, in any order, are given.
pub fn conclude(outcome: &mut Outcome, mut findings: Findings) {
    findings.arms.sort_by_key(|arm| place(&arm.arm));
    let set = headline_set(&outcome.comparisons);
    let of_set = || outcome.comparisons.iter().filter(|c| c.set == set);
    let control = |c: &Comparison| Control {
        arm: c.arm.clone(),
        against: c.against.clone(),
        asks: c.asks,
        is_met: is_met(c),
    };
    let is_control = |c: &&Comparison| !matches!(c.asks, Asks::Effect | Asks::Leak | Asks::Repeat);
    let controls: Vec<Control> = of_set().filter(is_control).map(control).collect();
    let headline = [panel(&controls), doses(&controls), effect(outcome, set), repeat(outcome, set)];
    let headline = headline.into_iter().flatten().collect::<Vec<_>>().join(" ");
    outcome.ablation = Some(Findings { set: set.to_owned(), headline, controls, ..findings });
}

/// What the controls say; other doses of the negative one do not decide.
fn panel(controls: &[Control]) -> Option<String> {
    let controls: Vec<&Control> = controls.iter().filter(|control| control.asks != Asks::Dose).collect();
    let failed: Vec<String> = controls
        .iter()
        .filter(|control| control.is_met == Some(false))
        .map(|Control { arm, against, asks, .. }| match asks {
            Asks::Silence => format!("{arm} and {against}, which are one definition, differ"),
            Asks::Better => format!("{arm}, which must be better than {against}, is not found so"),
            _ => format!("{arm}, which must be worse than {against}, is not found so"),
        })
        .collect();
    let n_open = controls.iter().filter(|control| control.is_met.is_none()).count();
    Some(match () {
        () if !failed.is_empty() => {
            format!("Budget too small to tell: {}. More --seeds or --budget help.", failed.join("; "))
        }
        () if controls.is_empty() => {
            "No control was run, so nothing says what this budget can see.".to_owned()
        }
        () if n_open > 0 => {
            "Too few runs are finished for the controls to say what this budget can see.".to_owned()
        }
        () => "The controls came out as they must.".to_owned(),
    })
}

/// At which doses of the negative control damage is seen, where more than the decided one was asked for.
fn doses(controls: &[Control]) -> Option<String> {
    let percent = |arm: &str| arm.strip_prefix("neg:").map_or(Some(SHUFFLED), |dose| dose.parse().ok());
    let with = |is_met: bool| -> Vec<u32> {
        let of_dose = |control: &&Control| {
            matches!(control.asks, Asks::Worse | Asks::Dose) && control.is_met == Some(is_met)
        };
        let mut doses: Vec<u32> = controls.iter().filter(of_dose).filter_map(|c| percent(&c.arm)).collect();
        doses.sort_unstable();
        doses
    };
    let told = |doses: &[u32]| {
        let doses: Vec<String> = doses.iter().map(|dose| format!("{dose} %")).collect();
        doses.join(" and in ")
    };
    if !controls.iter().any(|control| control.asks == Asks::Dose && control.is_met.is_some()) {
        return None;
    }
    Some(match (&with(true)[..], &with(false)[..]) {
        (seen, []) => format!("Words shuffled in {} of the documents are seen.", told(seen)),
        ([], missed) => format!("Words shuffled in {} of the documents are not seen.", told(missed)),
        (seen, missed) => {
            format!("Words shuffled in {} of the documents are seen, in {} not.", told(seen), told(missed))
        }
    })
}

/// The headline comparison: everything against what is known to help by language alone, else against raw.
fn effect(outcome: &Outcome, set: &str) -> Option<String> {
    let of_all = |against: &str| {
        outcome.comparisons.iter().find(|c| c.set == set && c.arm == "all" && c.against == against)
    };
    let found = of_all("language_only").or_else(|| of_all("raw"))?;
    let worth = |low: f64, high: f64| format!("{low:.3} to {high:.3}");
    let size = match (found.verdict, found.interval) {
        (Verdict::Better, Some((low, high))) => format!("better by {} bits per byte", worth(-high, -low)),
        (Verdict::Worse, Some((low, high))) => format!("worse by {} bits per byte", worth(low, high)),
        (Verdict::NoDifference, _) => match found.smallest_detectable {
            Some(detectable) => format!("no difference of {detectable:.3} bits per byte or more"),
            None => "no difference".to_owned(),
        },
        _ => format!("not resolved ({:+.3} bits per byte)", found.difference),
    };
    Some(format!("The whole recipe against {} on held-out {set} text: {size}.", found.against))
}

/// Whether the difference of all to raw has one sign at both learning rates.
fn repeat(outcome: &Outcome, set: &str) -> Option<String> {
    let find = |arm: &str| outcome.comparisons.iter().find(|c| c.set == set && c.arm == arm);
    let slow = find("all_slow")?;
    let usual = outcome.comparisons.iter().find(|c| c.set == set && c.arm == "all" && c.against == "raw")?;
    let stays = slow.difference.signum() == usual.difference.signum();
    Some(format!(
        "At a third of the learning rate all − raw is {:+.3} instead of {:+.3}: the sign {}.",
        slow.difference,
        usual.difference,
        if stays { "stays" } else { "turns" }
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn comparison(arm: &str, asks: Asks, difference: f64, p: f64) -> Comparison {
        // An interval as wide as an error of 0.01 makes it.
        Comparison {
            set: "kept".into(),
            arm: arm.into(),
            against: "raw".into(),
            difference,
            interval: Some((difference - 0.02, difference + 0.02)),
            document_error: 0.0,
            seed_error: Some(0.01),
            smallest_detectable: Some(0.029),
            verdict: Verdict::TooWide,
            asks,
            p: Some(p),
            p_adjusted: None,
            extended: false,
        }
    }

    fn verdicts(comparisons: &[Comparison]) -> Vec<Verdict> {
        let mut comparisons = comparisons.to_vec();
        judge(&mut comparisons);
        comparisons.iter().map(|c| c.verdict).collect()
    }

    fn panel_of(silence: f64, better: f64, worse: f64) -> Vec<Comparison> {
        vec![
            comparison("all", Asks::Effect, -0.05, 0.001),
            comparison("only:x", Asks::Effect, 0.025, 0.02),
            comparison("all-x", Asks::Effect, 0.004, 0.7),
            comparison("raw2", Asks::Silence, 0.008, silence),
            comparison("pos", Asks::Better, -0.1, better),
            comparison("neg", Asks::Worse, 0.1, worse),
        ]
    }

    #[test]
    fn many_questions_make_findings_rarer_and_controls_decide_what_is_believed() {
        use Verdict::{Better, NoDifference, TooWide, Worse};
        // 0.02 of four questions is 0.06 by Holm: not found.
        let healthy = panel_of(0.4, 0.01, 0.01);
        assert_eq!(verdicts(&healthy), [Better, TooWide, NoDifference, NoDifference, Better, Worse]);
        // A silence that is broken takes all findings with it, a control that does not show what is not there.
        assert_eq!(verdicts(&panel_of(0.001, 0.01, 0.01))[..3], [TooWide; 3]);
        assert_eq!(verdicts(&panel_of(0.4, 0.3, 0.01))[..3], [Better, TooWide, TooWide]);
        // What is too small to matter is no difference however sharp the eye.
        let small =
            Comparison { interval: Some((-0.004, 0.001)), ..comparison("x", Asks::Effect, -0.0015, 0.2) };
        assert_eq!(verdicts(&[small]), [NoDifference]);
        let unknown = Comparison { interval: None, p: None, ..comparison("x", Asks::Effect, -0.5, 0.0) };
        assert_eq!(verdicts(&[unknown]), [TooWide]);
    }

    #[test]
    fn the_headline_says_when_the_budget_is_too_small() {
        let controls = |comparisons: &[Comparison]| {
            let mut comparisons = comparisons.to_vec();
            judge(&mut comparisons);
            let control = |c: &Comparison| Control {
                arm: c.arm.clone(),
                against: c.against.clone(),
                asks: c.asks,
                is_met: is_met(c),
            };
            comparisons.iter().filter(|c| is_met(c).is_some()).map(control).collect::<Vec<_>>()
        };
        let said = |silence, worse| panel(&controls(&panel_of(silence, 0.01, worse))).unwrap();
        assert!(said(0.4, 0.01).contains("as they must"));
        let blind = said(0.4, 0.3);
        assert!(blind.starts_with("Budget too small to tell") && blind.contains("neg"), "{blind}");
        assert!(said(0.001, 0.01).contains("raw2 and raw, which are one definition, differ"));
        assert!(panel(&[]).unwrap().contains("No control"));
        // A dose of its own says at how much damage this budget looks up, and decides nothing.
        let dosed = |worse, dose| {
            let mut comparisons = panel_of(0.4, 0.01, worse);
            comparisons.push(comparison("neg:100", Asks::Dose, 0.2, dose));
            let controls = controls(&comparisons);
            (panel(&controls).unwrap(), doses(&controls).unwrap(), verdicts(&comparisons)[2])
        };
        let (said, seen, verdict) = dosed(0.3, 0.01);
        assert!(said.contains("neg, which") && !said.contains("neg:100") && verdict == Verdict::TooWide);
        assert_eq!(seen, "Words shuffled in 100 % of the documents are seen, in 30 % not.");
        let (said, seen, verdict) = dosed(0.01, 0.3);
        assert!(said.contains("as they must") && verdict == Verdict::NoDifference);
        assert_eq!(seen, "Words shuffled in 30 % of the documents are seen, in 100 % not.");
        assert!(dosed(0.01, 0.01).1.contains("in 30 % and in 100 % of the documents are seen."));
        assert!(doses(&controls(&panel_of(0.4, 0.01, 0.01))).is_none());
    }
}
