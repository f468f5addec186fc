//! What this process holds of the machine's memory.

use std::fs;

/// Largest resident set of this process, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    of("VmHWM:")
}

/// The resident set now.
pub(crate) fn resident() -> Option<u64> {
    of("VmRSS:")
}

fn of(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
