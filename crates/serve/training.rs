//! A training at work: its settings and the curves so far, as `train` writes them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use report::{ArmInfo, Training};
use serde_json::Value;

/// The folder of the training that works, if one does: it has a lock, and no result.
pub(crate) fn folder_at_work(out: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(out.join("train")).ok()?.flatten().map(|entry| entry.path());
    let at_work =
        folders.filter(|folder| is_locked(&folder.join(".lock")) && !folder.join("result.json").exists());
    let told = |folder: &PathBuf| {
        let metrics = folder.join("metrics.jsonl");
        fs::metadata(metrics).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    at_work.max_by_key(told)
}

/// Whether a process holds the lock of a file. Asked of the system's list: to try the lock could be in the way of one that
/// wants it. Where there is no list, a file that is there counts; only a process that was killed leaves it.
fn is_locked(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    let Ok(locks) = fs::read_to_string("/proc/locks") else { return true };
    // `1: FLOCK  ADVISORY  WRITE 1619 fe:00:5309446 0 EOF`
    let inode = metadata.ino().to_string();
    locks.lines().any(|lock| {
        let words: Vec<&str> = lock.split_whitespace().collect();
        words.contains(&"FLOCK")
            && words.iter().any(|word| word.rsplit_once(':').is_some_and(|(_, it)| it == inode))
    })
}

/// What a training at work has shown so far.
pub(crate) fn at_work(out: &Path) -> Option<Training> {
    let folder = folder_at_work(out)?;
    let config: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).ok()?).ok()?;
    let metrics = fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
    // The last line may be half written.
    let whole = metrics.rfind('\n').map_or("", |end| &metrics[..end]);
    let curves = report::curves(whole).ok()?;
    let setting = |name: &str| config["training"][name].as_u64().unwrap_or(0);
    let (arms, seeds) = (config["arms"].as_array().map_or(&[][..], Vec::as_slice), setting("seeds"));
    let runs = arms.len() as u64 * seeds;
    let done = curves
        .iter()
        .filter(|curve| curve.points.last().is_some_and(|last| last.tokens >= setting("tokens")));
    let arm = |arm: &Value| ArmInfo {
        name: arm["name"].as_str().unwrap_or_default().to_owned(),
        ..ArmInfo::default()
    };
    Some(Training {
        preset: config["preset"].as_str().unwrap_or_default().to_owned(),
        note: format!("At work: {} of {runs} runs have come to their last step.", done.count()),
        device: config["device"].as_str().unwrap_or("cpu").to_owned(),
        tokens: setting("tokens"),
        seeds,
        arms: arms.iter().map(arm).collect(),
        curves,
        ..Training::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_training_at_work_has_curves_and_one_that_was_killed_is_none() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("train/0123");
        fs::create_dir_all(&folder).unwrap();
        let config =
            r#"{"preset":"tiny","device":"cpu","training":{"tokens":200,"seeds":2},"arms":[{"name":"raw"}]}"#;
        fs::write(folder.join("config.json"), config).unwrap();
        let lines =
            "{\"arm\":\"raw\",\"seed\":0,\"tokens\":100,\"loss\":5.5}\n{\"arm\":\"raw\",\"seed\":0,\"tok";
        fs::write(folder.join("metrics.jsonl"), lines).unwrap();
        let lock = fs::File::create(folder.join(".lock")).unwrap();
        lock.lock().unwrap();
        let training = at_work(out.path()).unwrap();
        assert_eq!((training.seeds, training.tokens, training.arms[0].name.as_str()), (2, 200, "raw"));
        assert_eq!(training.curves[0].points[0].loss, Some(5.5));
        assert!(training.note.contains("0 of 2 runs"), "{}", training.note);
        drop(lock);
        if Path::new("/proc/locks").exists() {
            assert!(at_work(out.path()).is_none());
        }
    }
}
