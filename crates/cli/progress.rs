//! One line on standard error: share done, GB/s, kept share, time left. Silent when nobody watches.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Voice;

pub struct Line {
    bar: ProgressBar,
    start: Mutex<(String, Instant)>,
}

impl Line {
    pub fn new(voice: Voice) -> Line {
        let bar = ProgressBar::new(1);
        if voice.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{prefix:<9} {bar:24} {percent:>3} %  {wide_msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Line { bar, start: Mutex::new((String::new(), Instant::now())) }
    }

    /// `done` of `total`; `speed` is text such as `0.041 GB/s`, made from the seconds since the phase began.
    pub fn show(&self, phase: &str, done: u64, total: u64, message: impl Fn(f64) -> String) {
        let Ok(mut start) = self.start.lock() else { return };
        if start.0 != phase {
            *start = (phase.to_owned(), Instant::now());
            self.bar.set_prefix(phase.to_owned());
        }
        let seconds = start.1.elapsed().as_secs_f64().max(1e-3);
        let left = seconds * (total.saturating_sub(done)) as f64 / done.max(1) as f64;
        let left = if done == 0 { String::new() } else { format!("  {} left", duration(left)) };
        self.bar.set_length(total.max(1));
        self.bar.set_position(done.min(total));
        self.bar.set_message(format!("{}{left}", message(seconds)));
    }

    /// A line that stays, above the one that moves.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// `45 s`, `12 min`, `3 h 20 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
