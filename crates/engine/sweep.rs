//! The sweep of an input or of a share of it: the passes before it, the segments, and who goes on when all is swept.

use plan::{Plan, SweepOptions};
use shards::Inputs;

use crate::error::EngineError;
use crate::events::{Phase, Progress, SweptShare};
use crate::identity;
use crate::live::Live;
use crate::lock::Lock;
use crate::options::CleanOptions;
use crate::repeats::{Found, find, passes};
use crate::sidecar::Sidecars;
use crate::sweep_shards::{Job, Receipts, sweep_shards};
use crate::work::{SegmentReceipt, Work};

/// What is swept, and how.
pub(crate) struct Sweep<'a> {
    pub plan: &'a Plan,
    pub options: &'a CleanOptions,
    pub inputs: &'a Inputs,
    pub work: &'a Work,
    pub settings: &'a SweepOptions,
    pub live: &'a Live,
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How far it came.
pub(crate) enum Reached {
    /// All of the input is swept, and this run goes on alone.
    All(Lock, Receipts),
    /// Others sweep the rest.
    Share(SweptShare),
}

impl Sweep<'_> {
    /// Sweeps what is not `done` yet.
    pub fn run(&self, lock: Lock, done: Receipts, sidecars: &Sidecars) -> Result<Reached, EngineError> {
        let Sweep { plan, options, inputs, work, live, progress, .. } = *self;
        let mut found = Found::default();
        for (stage, name, code) in passes(plan) {
            let pass = work.pass(name);
            if found.add(stage, &pass)? {
                continue;
            }
            let done = pass.swept(&options.shards(inputs))?;
            let job = Job { sweep: self.settings, sidecars, found: &found, parts_of: Some(stage), live };
            let swept = sweep_shards(inputs, plan, options, &job, &pass, done, progress)?;
            // Whoever is the last to be done finds what is repeated; others wait for it.
            let files_left = lock.at_the_door(|| {
                let all = pass.swept(&self.all_shards())?;
                let left = left(&all);
                if left == 0 && !found.add(stage, &pass)? {
                    find(&all, &pass, code, options.memory, &|done_bytes, total_bytes| {
                        let phase = Phase::Repeats;
                        progress(Progress { phase, done_bytes, total_bytes, documents: 0, kept: 0 });
                        options.unless_stopped()
                    })?;
                    found.add(stage, &pass)?;
                }
                Ok(left)
            })?;
            if files_left > 0 {
                return Ok(Reached::Share(SweptShare::of(&swept, files_left, true)));
            }
        }
        let job = Job { sweep: self.settings, sidecars, found: &found, parts_of: None, live };
        let swept = sweep_shards(inputs, plan, options, &job, work, done, progress)?;
        self.refuse_other_passes(&swept)?;
        match options.share {
            Some(_) => self.share(lock, swept),
            None => Ok(Reached::All(lock, swept)),
        }
    }

    fn all_shards(&self) -> Vec<u32> {
        (0..self.inputs.shards.len() as u32).collect()
    }

    /// The passes have seen the files that the sweep has.
    fn refuse_other_passes(&self, swept: &Receipts) -> Result<(), EngineError> {
        let stamp = |receipts: &[SegmentReceipt]| receipts.first().map(|first| first.input.xxh3_128.clone());
        for (_, name, _) in passes(self.plan) {
            for (shard, receipts) in self.work.pass(name).swept(&self.options.shards(self.inputs))? {
                if stamp(&receipts) != swept.get(&shard).and_then(|receipts| stamp(receipts)) {
                    let what = identity::other_input(&self.inputs.shards[shard as usize].relative);
                    return Err(EngineError::OtherUnfinished { path: self.options.out.clone(), what });
                }
            }
        }
        Ok(())
    }

    /// The last of several shares goes on with what all have swept.
    fn share(&self, lock: Lock, swept: Receipts) -> Result<Reached, EngineError> {
        let mut all = Receipts::new();
        // Nothing is written into a folder that another share may be about to remove.
        self.live.end();
        let alone = lock.alone(|| {
            all = self.work.swept(&self.all_shards())?;
            Ok(left(&all) == 0)
        })?;
        let Some(lock) = alone else {
            return Ok(Reached::Share(SweptShare::of(&swept, left(&all), false)));
        };
        self.live.alone();
        self.live.go_on();
        Ok(Reached::All(lock, all))
    }
}

/// Shards that are not swept to their end.
fn left(swept: &Receipts) -> usize {
    swept.values().filter(|receipts| receipts.last().is_none_or(|last| !last.ends_shard)).count()
}
