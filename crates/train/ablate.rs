//! An ablation: plans the arms that take a recipe apart, tells the plan, and trains them.

use crate::ablation::{Ablation, SEEDS, chosen, design};
use crate::arms::{Arm, ArmSpec, Library};
use crate::extension::Extra;
use crate::findings::ArmFacts;
use crate::models::small_tokenizer;
use crate::outcome::Outcome;
use crate::plan::Config;
use crate::planned::{Planned, Speed};
use crate::questions::{Asks, about, asks};
use crate::session::{Session, earlier_answer, measured, read};
use crate::workers::Workers;
use crate::{Options, Progress, TrainError};
use std::sync::atomic::AtomicBool;

/// Unique tokens of an arm are counted up to here.
pub const MOST_COUNTED: usize = 20_000_000;

/// Trains the arms that take a recipe apart, with their controls; goes on where an identical call was stopped.
///
/// `plan` is told what will be done before anything is trained, and `told` the outcome after every run: what is written
/// by then is whole. With `dry_run` there is no outcome.
///
/// # Errors
/// As [`crate::train_arms`]; and when an arm is unknown.
pub fn ablate(
    ablation: &Ablation,
    plan: &dyn Fn(&Planned),
    told: &(dyn Fn(&Outcome) + Sync),
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Option<Outcome>, TrainError> {
    let options = &ablation.training;
    let device = options.device.open()?;
    let mut corpus = read(options)?;
    if let Some(path) = &ablation.positive {
        corpus.add_own(path)?;
    }
    let arms = chosen(design(ablation), ablation.arms.as_deref())?;
    if arms.iter().any(|arm| arm.arm == Arm::Leak) {
        corpus.add_heldout();
    }
    let library = Library::new(&corpus, small_tokenizer(&corpus.tokenizer)?);
    let (arms, alike) = unlike(arms, &library);
    let workers = Workers::new(options, arms.len())?;
    let root = options.out.join("train");
    let seeded = Options { seeds: options.seeds.or(Some(SEEDS)), ..options.clone() };
    let request = Config::ablation(&seeded, &arms, &corpus, &library);
    let rate = measured(&request, &library, &workers, &device)?;
    let speed = Speed { workers: workers.len(), rate, sets: corpus.heldout.len() };
    let earlier = options.budget.and_then(|_| earlier_answer(&root, &request)).filter(|_| !options.fresh);
    // What an earlier call with the same budget allowed is allowed, whatever speed is measured now.
    let known = earlier.as_ref().and_then(|config| config.extra);
    let config = match (earlier, options.budget) {
        (Some(earlier), _) => earlier,
        (None, None) => request.settle(&library)?,
        (None, Some(budget)) => {
            let sizes = (speed.workers, speed.rate, speed.sets);
            request.settle(&library)?.fit_arms(budget.as_secs_f64(), options.seeds, sizes)?
        }
    };
    let seconds = options.budget.map(|budget| budget.as_secs_f64());
    let extra = known
        .filter(|extra| extra.seeds == ablation.extra_seeds)
        .or_else(|| Extra::new(&config, ablation.extra_seeds, seconds, speed));
    let config = Config { extra, ..config };
    let facts = |arm: &ArmSpec| facts(arm, &config, &library);
    let facts: Vec<ArmFacts> = config.arms.iter().map(facts).collect();
    plan(&Planned::new(&config, &facts, &arms, &alike, &library, speed, &root));
    if ablation.dry_run {
        return Ok(None);
    }
    let session = Session { options, config: &config, corpus: &corpus, library: &library, device: &device };
    session.run(&workers, progress, stop, Some((&facts, told))).map(Some)
}

/// Arms without those that have the same text as what they are measured against, and these with that.
fn unlike(arms: Vec<ArmSpec>, library: &Library<'_>) -> (Vec<ArmSpec>, Vec<(String, String)>) {
    let mut alike = Vec::new();
    for arm in &arms {
        for (name, purpose) in asks(arm) {
            let against = arms.iter().find(|other| other.name == name && purpose == Asks::Effect);
            let is_usual = arm.tokens_percent == 100 && ["raw", "all"].iter().all(|core| arm.name != *core);
            if is_usual && against.is_some_and(|against| library.is_same_text(arm, against)) {
                alike.push((arm.name.clone(), name.to_owned()));
                break;
            }
        }
    }
    let is_unlike = |arm: &ArmSpec| !alike.iter().any(|(name, _)| *name == arm.name);
    (arms.into_iter().filter(is_unlike).collect(), alike)
}

fn facts(arm: &ArmSpec, config: &Config, library: &Library<'_>) -> ArmFacts {
    let raw = ArmSpec::from(Arm::Raw);
    let members = library.members(arm, 0);
    ArmFacts {
        arm: arm.name.clone(),
        about: about(arm),
        documents: members.len(),
        left_out: library.members(&raw, 0).len().saturating_sub(members.len()),
        tokens: library.unique_tokens(arm, 0, MOST_COUNTED),
        tokens_per_run: config.tokens_of(arm),
    }
}
