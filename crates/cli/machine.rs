//! What this machine allows: threads, memory, and the signals that stop a run.

use std::io::Read;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use engine::Share;

use crate::Exit;

/// Cores of the cgroup, capped by `RAYON_NUM_THREADS` and by `wanted`.
pub fn threads(wanted: Option<usize>) -> anyhow::Result<NonZeroUsize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let cap = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let limit = cap.unwrap_or(usize::MAX);
    let chosen = match wanted {
        Some(0) => bail!("--threads must be at least 1"),
        Some(n) => n.min(limit),
        None => cores.min(limit),
    };
    NonZeroUsize::new(chosen).context("--threads must be at least 1")
}

/// `--memory` in bytes: `8GiB`, `512MiB`, `4g`, or a number; default half of what the cgroup allows.
pub fn memory(wanted: Option<&str>) -> anyhow::Result<u64> {
    const LEAST: u64 = 512 << 20;
    let Some(text) = wanted else { return Ok((allowed_memory() / 2).max(LEAST)) };
    let bytes =
        parse_bytes(text).with_context(|| format!("--memory {text}: write for example 8GiB or 512MiB"))?;
    if bytes < LEAST {
        bail!("--memory {text} is too little: at least 512MiB");
    }
    Ok(bytes)
}

/// `64MiB`, `2GB`, `4g`, `1000`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let number: f64 = lower[..digits].parse().ok()?;
    let unit: u64 = match lower[digits..].trim() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    Some((number * unit as f64) as u64)
}

/// `--shard`: `2/8`, or `slurm`.
pub fn share(text: &str) -> anyhow::Result<Share> {
    if text != "slurm" {
        return text.parse().map_err(|why| anyhow::anyhow!("--shard: {why}"));
    }
    array_share(|name| std::env::var(name).ok()).map_err(|why| anyhow::anyhow!("--shard slurm: {why}"))
}

/// What Slurm's variables say of this task of an array. Task ids may begin anywhere and go up by any step.
fn array_share(variable: impl Fn(&str) -> Option<String>) -> Result<Share, String> {
    let number = |name: &str| -> Result<u32, String> {
        let text =
            variable(name).ok_or_else(|| format!("{name} is not set: this is no task of a job array"))?;
        text.trim().parse().map_err(|_| format!("{name} is `{text}`, not a number"))
    };
    let (id, of) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?);
    // Older versions and other schedulers that imitate Slurm lack these two.
    let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(1);
    let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
    let place = id.checked_sub(first).filter(|place| place % step == 0).map(|place| place / step);
    match place.filter(|place| *place < of) {
        Some(place) => Ok(Share { number: place + 1, of }),
        None => Err(format!(
            "task {id} of {of} tasks from {first} by {step} has no place: submit an array without gaps (--array=1-{of}), or \
             give --shard {id}/N"
        )),
    }
}

/// Said to a task of an array that was not told to share.
pub fn array_task() -> Option<String> {
    let share = array_share(|name| std::env::var(name).ok()).ok().filter(|share| share.of > 1)?;
    Some(format!(
        "this is task {} of a job array of {}: --shard slurm would divide the input among them",
        share.number, share.of
    ))
}

fn allowed_memory() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let cgroup = limits.iter().filter_map(|path| read(path)?.trim().parse::<u64>().ok()).min();
    let total = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:").map(str::to_owned))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    });
    let total = total.unwrap_or(8 << 30);
    cgroup.map_or(total, |limit| limit.min(total))
}

/// Flags that SIGTERM and SIGINT raise.
pub struct Stop {
    pub flag: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Stop {
    /// From now on the first signal asks for a checkpoint, a second SIGINT ends the process.
    pub fn listen() -> anyhow::Result<Stop> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let flag = Arc::new(AtomicBool::new(false));
        let terminated = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register_conditional_shutdown(SIGINT, Exit::Interrupted as i32, flag.clone())?;
        signal_hook::flag::register(SIGINT, flag.clone())?;
        signal_hook::flag::register(SIGTERM, flag.clone())?;
        signal_hook::flag::register(SIGTERM, terminated.clone())?;
        Ok(Stop { flag, terminated })
    }

    /// A mapped file that shrinks or cannot be read is a signal, not an error: says so, and ends the process.
    pub fn tell_of_lost_pages() -> anyhow::Result<()> {
        let (mut told, teller) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGBUS, teller)?;
        // The thread that was hit tries again and again until this one ends them all.
        std::thread::spawn(move || {
            if told.read_exact(&mut [0]).is_ok() {
                eprintln!(
                    "corpus: a mapped file shrank or could not be read while it was read. What was finished is kept: run the \
                     same command again to go on, with --no-mmap if input files change meanwhile"
                );
                // No exit handlers: other threads still run.
                signal_hook::low_level::exit(Exit::Failed as i32);
            }
        });
        Ok(())
    }

    pub fn exit(&self) -> Exit {
        if self.terminated.load(Ordering::Relaxed) { Exit::Stopped } else { Exit::Interrupted }
    }
}

#[cfg(test)]
mod tests {
    use engine::Share;

    use super::{array_share, parse_bytes};

    #[test]
    fn tasks_of_an_array_are_shares() {
        let share = |variables: &[(&str, &str)]| {
            array_share(|name| {
                let found = variables.iter().find(|(key, _)| name == format!("SLURM_ARRAY_TASK_{key}"));
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let whole = [("ID", "7"), ("COUNT", "3"), ("MIN", "5"), ("STEP", "2"), ("MAX", "9")];
        assert_eq!(share(&whole), Ok(Share { number: 2, of: 3 }));
        assert_eq!(share(&[("ID", "0"), ("COUNT", "8"), ("MIN", "0")]), Ok(Share { number: 1, of: 8 }));
        assert_eq!(share(&[("ID", "8"), ("COUNT", "8")]), Ok(Share { number: 8, of: 8 }));
        for gaps in [
            &[("ID", "7"), ("COUNT", "3"), ("MIN", "1")][..],
            &[("ID", "6"), ("COUNT", "3"), ("MIN", "5"), ("STEP", "2")],
            &[("ID", "0"), ("COUNT", "3")],
        ] {
            assert!(share(gaps).is_err_and(|why| why.contains("gaps")), "{gaps:?}");
        }
        assert!(share(&[("ID", "1")]).is_err_and(|why| why.contains("COUNT")));
        assert!(share(&[("ID", "x"), ("COUNT", "2")]).is_err_and(|why| why.contains("not a number")));
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("8GiB"), Some(8 << 30));
        assert_eq!(parse_bytes("512 MiB"), Some(512 << 20));
        assert_eq!(parse_bytes("1.5kb"), Some(1500));
        assert_eq!(parse_bytes("lots"), None);
    }
}
