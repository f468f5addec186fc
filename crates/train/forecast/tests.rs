//! A forecast end to end: written before what it foretells, scored after, the same when stopped in between.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::fixture::{mixed_rows, write_out};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::tempdir;

fn options(out: &Path) -> ForecastOptions {
    ForecastOptions {
        out: out.to_path_buf(),
        arm: Arm::All,
        scale: Scale::Tiny,
        budget: Duration::from_secs(600),
        seeds: 2,
        epochs: 4,
        heldout: None,
        threads: 2,
        fresh: false,
    }
}

#[test]
fn a_prediction_is_older_than_what_it_foretells_and_is_scored() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(240, 24));
    let options = options(folder.path());
    let (steps, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let names = Mutex::new(BTreeSet::new());
    let watching = |progress: Progress<'_>| {
        let file = find(folder.path(), "prediction.json");
        names.lock().unwrap().insert((progress.arm.to_owned(), file.is_some()));
        // Once in the ladder.
        if steps.fetch_add(1, Ordering::Relaxed) == 400 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    assert!(matches!(forecast(&options, &watching, &stop), Err(TrainError::Stopped(_))));
    assert!(find(folder.path(), "prediction.json").is_none());
    // And once among the targets.
    let stop = AtomicBool::new(false);
    let stopping = |progress: Progress<'_>| {
        watching(progress);
        if find(folder.path(), "prediction.json").is_some() {
            stop.store(true, Ordering::Relaxed);
        }
    };
    assert!(matches!(forecast(&options, &stopping, &stop), Err(TrainError::Stopped(_))));
    let prediction = std::fs::read(find(folder.path(), "prediction.json").unwrap()).unwrap();
    let done = forecast(&options, &watching, &AtomicBool::new(false)).unwrap();
    assert_eq!(std::fs::read(find(folder.path(), "prediction.json").unwrap()).unwrap(), prediction);

    let targets: BTreeSet<&str> = done.foretold.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!((done.ladder.len(), targets.len()), (12, 3));
    for (name, is_written) in names.lock().unwrap().iter() {
        assert_eq!(targets.contains(name.as_str()), *is_written, "{name}");
    }
    assert!(done.foretold.written <= done.scored.first_step && done.scored.first_step > 0);
    let file = |name: &str| find(folder.path(), name).unwrap().metadata().unwrap().modified().unwrap();
    assert!(file("prediction.json") <= file("first_step.json"));
    assert!(file("first_step.json") <= file("prediction_result.json"));
    for model in &done.scored.models {
        let told = done.foretold.models.iter().find(|told| told.name == model.score.name).unwrap();
        let (low, high) = told.prediction.interval_95;
        let found = model.score.bits_per_byte;
        assert_eq!(model.inside_95, low <= found && found <= high, "{model:?}");
        assert_eq!(model.error_percent > 0.0, found > told.prediction.bits_per_byte);
        assert!(model.score.by_seed.len() == 2 && found > 0.5 && found < 8.0, "{model:?}");
    }
    let table = render_forecast(&done);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let again = forecast(&options, &|_| panic!("nothing is left to do"), &AtomicBool::new(false)).unwrap();
    assert_eq!(again, done);
    assert_eq!(newest_forecast(folder.path()), Some(done));
}

#[test]
fn too_little_text_names_the_remedy() {
    let folder = tempdir().unwrap();
    write_out(folder.path(), &mixed_rows(30, 6));
    let options = ForecastOptions { epochs: 1, ..options(folder.path()) };
    let error = forecast(&options, &|_| (), &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(error.contains("--epochs"), "{error}");
}

/// A file in the one folder of forecasts.
fn find(out: &Path, name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir(out.join("train")).ok()?;
    folders.flatten().map(|entry| entry.path().join(name)).find(|path| path.exists())
}
