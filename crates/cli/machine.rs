//! What this machine allows: threads, memory, and the signals that stop a run.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};

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

    pub fn exit(&self) -> Exit {
        if self.terminated.load(Ordering::Relaxed) { Exit::Stopped } else { Exit::Interrupted }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("8GiB"), Some(8 << 30));
        assert_eq!(parse_bytes("512 MiB"), Some(512 << 20));
        assert_eq!(parse_bytes("1.5kb"), Some(1500));
        assert_eq!(parse_bytes("lots"), None);
    }
}
