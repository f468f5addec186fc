//! A forecast as text of at most 80 columns.

use crate::forecast::recommend::rule;
use crate::forecast::{Advice, CellScore, Forecast};
use crate::render::wrap;
use std::fmt::Write;

/// A law that is further off about what it was not shown is none.
const NOT_ESTABLISHED: f64 = 0.03;

/// The ladder, the prediction and what came of it, and what to train on the corpus.
pub fn render_forecast(forecast: &Forecast) -> String {
    let Forecast { foretold, scored, .. } = forecast;
    let mut text = format!(
        "forecast · arm {} · held-out {} · {} seed{} · {}\n\nladder: bits per byte after so many tokens\n",
        forecast.arm,
        forecast.heldout,
        forecast.seeds,
        if forecast.seeds == 1 { "" } else { "s" },
        forecast.folder,
    );
    ladder(&mut text, &forecast.ladder);
    let law = &foretold.law;
    let _ = writeln!(
        text,
        "\nL = {:.3} + {:.3}·(N/{})^−{:.2} + {:.3}·(D/{})^−{:.2}",
        law.floor,
        law.of_size,
        short(law.mean_parameters),
        law.alpha,
        law.of_tokens,
        short(law.mean_tokens),
        law.beta
    );
    let sentence = format!(
        "Fitted without its largest size it was {:.1} % wrong about that, without its largest number of tokens \
         {:.1} %; seeds differ by {:.1} %.",
        100.0 * foretold.left_out_size,
        100.0 * foretold.left_out_tokens,
        100.0 * foretold.noise
    );
    wrap(&mut text, &sentence, 79);
    if foretold.left_out_size.max(foretold.left_out_tokens) > NOT_ESTABLISHED {
        text.push_str("The law is not established: more tokens (--epochs, --budget) may bring it about.\n");
    }
    let _ = writeln!(
        text,
        "\npredicted before it was trained\n  {:<16}{:>9}  {:<16}{:<16}{:>9}{:>8}",
        "model", "predicted", "80 %", "95 %", "measured", "error"
    );
    for (told, found) in foretold.models.iter().zip(&scored.models) {
        let between = |(low, high): (f64, f64)| format!("{low:.3} … {high:.3}");
        let prediction = &told.prediction;
        let _ = writeln!(
            text,
            "  {:<16}{:>9.3}  {:<16}{:<16}{:>9.3}{:>+6.1} %",
            told.name,
            prediction.bits_per_byte,
            between(prediction.interval_80),
            between(prediction.interval_95),
            found.score.bits_per_byte,
            found.error_percent
        );
    }
    let n_inside = scored.models.iter().filter(|model| model.inside_95).count();
    let _ = writeln!(text, "{n_inside} of {} inside their 95 % interval", scored.models.len());
    let (difference, error) = scored.difference;
    let sentence = format!(
        "same FLOPs: {} was to be better, {} is, by {:.3} (seeds alone: ±{error:.3})",
        scored.predicted_better,
        scored.measured_better,
        difference.abs()
    );
    wrap(&mut text, &sentence, 79);
    advice(&mut text, forecast);
    text
}

fn ladder(text: &mut String, cells: &[CellScore]) {
    let mut tokens: Vec<usize> = cells.iter().map(|cell| cell.tokens).collect();
    tokens.sort_unstable();
    tokens.dedup();
    let heads: String = tokens.iter().map(|n| format!("{:>10}", short(*n as f64))).collect();
    let _ = writeln!(text, "  {:<12}{heads}", "parameters");
    let mut sizes: Vec<usize> = cells.iter().map(|cell| cell.parameters).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let at = |n: &usize| cells.iter().find(|cell| (cell.parameters, cell.tokens) == (size, *n));
        let cell = |n| at(n).map_or(String::new(), |cell| format!("{:.3}", cell.bits_per_byte));
        let row: String = tokens.iter().map(|n| format!("{:>10}", cell(n))).collect();
        let _ = writeln!(text, "  {:<12}{row}", short(size as f64));
    }
}

fn advice(text: &mut String, forecast: &Forecast) {
    if forecast.advice.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{} unique clean tokens (of {} ids); this machine: {:.1} GFLOP/s\n  {:>8}  {:>10}  {:<17}{:>6}  {:<16}",
        short(forecast.unique_tokens),
        4_096,
        forecast.flops_per_second / 1e9,
        "hours",
        "parameters",
        "80 %",
        "epochs",
        "bits per byte"
    );
    for one in &forecast.advice {
        let Advice { parameters_between: (low, high), bits_per_byte_between: bits, .. } = one;
        let _ = writeln!(
            text,
            "  {:>8.2}  {:>10}  {:<17}{:>6.2}  {:.3} … {:.3}{}",
            one.hours_here,
            short(one.parameters),
            format!("{} … {}", short(*low), short(*high)),
            one.epochs,
            bits.0,
            bits.1,
            if one.is_far { "  *" } else { "" }
        );
        let _ = writeln!(text, "            {}", rule(one.epochs));
    }
    if forecast.advice.iter().any(|one| one.is_far) {
        text.push_str("* more than 4 times what was measured: a guess by the law, not a forecast\n");
    }
}

/// `0.36 M`, `1.3 M`, `120 k`.
fn short(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.1} G", n / 1e9),
        n if n >= 1e7 => format!("{:.0} M", n / 1e6),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n => format!("{:.0} k", n / 1e3),
    }
}
