//! An ablation's plan and outcome as tables of at most 80 columns.

use crate::ablate::MOST_COUNTED;
use crate::comparison::{Comparison, Verdict};
use crate::findings::{ArmFacts, Findings, SMALLEST_OF_INTEREST};
use crate::gain::{Reach, TokenGain};
use crate::outcome::Outcome;
use crate::planned::Planned;
use crate::questions::Asks;
use crate::render::{thousands, wrap};
use std::fmt::Write;

const WIDTH: usize = 78;

/// What is going to be trained, in the order of the tables.
pub fn render_plan(plan: &Planned) -> String {
    let mut text = format!(
        "{:<20}{:>10}{:>10}{:>12}{:>10}  against\n",
        "arm", "documents", "left out", "tokens", "a run has"
    );
    for arm in plan.sorted() {
        let ArmFacts { arm: name, documents, left_out, tokens, tokens_per_run, .. } = &arm.facts;
        let against = match arm.asks {
            Some(Asks::Silence) => format!("{}: alike", arm.against[0]),
            Some(Asks::Better) => format!("{}: better", arm.against[0]),
            Some(Asks::Worse) => format!("{}: worse", arm.against[0]),
            Some(Asks::Dose) => format!("{}: a dose", arm.against[0]),
            Some(Asks::Leak) => format!("{}: a leak", arm.against[0]),
            _ => arm.against.first().cloned().unwrap_or_default(),
        };
        let row = format!(
            "{:<20}{:>10}{:>10}{:>12}{:>10}  {against}",
            shortened(name, 19),
            thousands(*documents),
            thousands(*left_out),
            format!("{}{}", thousands(*tokens), if *tokens < MOST_COUNTED { "" } else { "+" }),
            thousands(*tokens_per_run),
        );
        let _ = writeln!(text, "{}", shortened(row.trim_end(), WIDTH + 2));
    }
    let detectable = match plan.smallest_detectable {
        Some(detectable) => format!(
            "A difference of {detectable:.3} bits per byte would be found in 4 of 5 such experiments (a run deviates by \
             {:.3}, {}).",
            plan.deviation,
            if plan.is_measured { "as measured here before" } else { "as on web pages" }
        ),
        None => "With one seed there is no interval, and nothing can be concluded.".to_owned(),
    };
    let runs = format!(
        "{} arms, {} seed{} each: {} runs of preset {}, {} of them done. Every run has the same number of tokens but those \
         of controls; {} is the smallest arm.",
        plan.arms.len(),
        plan.seeds,
        if plan.seeds == 1 { "" } else { "s" },
        plan.runs,
        plan.preset,
        plan.runs_done,
        plan.smallest
    );
    let time = format!(
        "It takes about {} at {:.0} tokens per second, {} at a time.",
        duration(plan.seconds),
        plan.speed.rate,
        if plan.speed.workers == 1 { "one run".to_owned() } else { format!("{} runs", plan.speed.workers) }
    );
    let extra = plan.extra.filter(|extra| extra.most_runs > 0).map(|extra| {
        format!(
            "Arms that these leave open, though they differ by more than {SMALLEST_OF_INTEREST} bits per byte, get {} seeds \
             more, once, with what they are measured against: up to {} more runs, about {}; --extra-seeds 0 leaves them out.",
            extra.seeds,
            extra.most_runs,
            duration(plan.extra_seconds)
        )
    });
    text.push('\n');
    for sentence in [runs, time].iter().chain(&extra).chain([&detectable]).chain(&plan.notes) {
        wrap(&mut text, sentence, WIDTH);
    }
    text
}

/// What was found.
pub fn render_ablation(outcome: &Outcome) -> String {
    let none = Findings::default();
    let findings = outcome.ablation.as_ref().unwrap_or(&none);
    let mut text = format!(
        "{} · {} parameters · {} tokens a run · {} of {} runs\n\n",
        outcome.preset,
        thousands(outcome.parameters),
        thousands(outcome.tokens_per_run),
        findings.runs_done,
        findings.runs
    );
    wrap(&mut text, &findings.headline, WIDTH);
    let sets: Vec<&str> =
        outcome.arms.first().map_or(Vec::new(), |arm| arm.heldout.iter().map(|s| s.set.as_str()).collect());
    let _ = write!(text, "\n{:<20}", "bits per byte");
    sets.iter().for_each(|set| _ = write!(text, "{set:>9}"));
    let _ = writeln!(text, "{:>9}  worth raw tokens, ×", "seeds");
    for arm in &outcome.arms {
        let _ = write!(text, "{:<20}", shortened(&arm.arm, 19));
        arm.heldout.iter().for_each(|set| _ = write!(text, "{:>9.3}", set.bits_per_byte));
        let seeds = arm.heldout.first().map_or(0, |set| set.by_seed.len());
        let gain = arm.heldout.iter().find(|set| set.set == findings.set).and_then(|set| set.token_gain);
        let _ = writeln!(text, "{seeds:>9}  {}", gain.map_or(String::new(), |gain| brief(&gain)));
    }
    // First the set that the headline is about.
    let order =
        [findings.set.as_str()].into_iter().chain(sets.iter().copied().filter(|set| *set != findings.set));
    for set in order {
        let _ =
            writeln!(text, "\ndifference on held-out {set}  (95 % interval; smallest detectable; Holm's p)");
        for comparison in outcome.comparisons.iter().filter(|c| c.set == set) {
            text.push_str(&difference(comparison));
        }
    }
    text.push('\n');
    for note in &outcome.notes {
        wrap(&mut text, note, WIDTH);
    }
    text
}

fn difference(comparison: &Comparison) -> String {
    let names = format!("{} − {}", comparison.arm, comparison.against);
    let verdict = match (comparison.verdict, comparison.asks) {
        (Verdict::Better, _) => "better",
        (Verdict::Worse, _) => "worse",
        (Verdict::NoDifference, _) => "none ≥ that",
        (Verdict::TooWide, _) => "not resolved",
    };
    let numbers = match (comparison.interval, comparison.smallest_detectable, comparison.p_adjusted) {
        (Some((low, high)), Some(least), Some(p)) => format!("[{low:+.3}, {high:+.3}] {least:.3} {p:.3}"),
        _ => "no interval".to_owned(),
    };
    let mark = if comparison.extended { " *" } else { "" };
    format!("  {:<26}{:+.3} {numbers:<30} {verdict}{mark}\n", shortened(&names, 26), comparison.difference)
}

/// `1.8 (1.2 to > 2.0)`.
fn brief(gain: &TokenGain) -> String {
    let brief = |times: f64, reach: Reach| match reach {
        Reach::LessThan => format!("< {times:.1}"),
        Reach::About => format!("{times:.1}"),
        Reach::MoreThan => format!("> {times:.1}"),
    };
    let interval = gain.interval.map_or(String::new(), |(low, high)| {
        format!(" ({} to {})", brief(low.times, low.reach), brief(high.times, high.reach))
    });
    format!("{}{interval}", brief(gain.times, gain.reach))
}

/// At most `width` characters.
fn shortened(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// `45 s`, `12 min`, `3 h 20 min`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
