//! The dataset card: `README.md` of `out/`, so that `load_dataset("out/")` works and the text can be cited.

use std::fmt::Write;

use crate::human::{human_bytes, human_count, percent};
use crate::{EvaluationSet, Run, render_method};

/// A `configs:` entry; a split's files are `prefix*.parquet`.
struct Config {
    name: &'static str,
    splits: &'static [(&'static str, &'static str)],
    row: &'static str,
}

const CONFIGS: &[Config] = &[
    Config { name: "clean", splits: &[("train", "clean/")], row: "a kept document" },
    Config {
        name: "rejected",
        splits: &[("train", "rejected/")],
        row: "a dropped document, its original text, its reasons, and the value that was out of bounds",
    },
    Config {
        name: "ledger",
        splits: &[("train", "ledger/")],
        row: "an input document: verdict, reasons, kept twin, every measured signal",
    },
    Config {
        name: "tokens",
        splits: &[("train", "tokens/train-"), ("control", "tokens/control-")],
        row: "a packed sequence; `control` is the unfiltered control sample",
    },
    Config {
        name: "heldout",
        splits: &[("raw", "tokens/heldout-raw-"), ("kept", "tokens/heldout-kept-")],
        row: "a held-out document with its tokens",
    },
];

/// `outputs`: paths of the files of `out/`, relative, with `/`. A config without files is left out,
/// since a glob that matches nothing is an error for its readers.
pub fn render_card(run: &Run, outputs: &[String]) -> String {
    let configs: Vec<(&Config, Vec<(&str, &str)>)> = CONFIGS
        .iter()
        .map(|config| {
            let exists = |prefix: &str| outputs.iter().any(|path| path.starts_with(prefix));
            (config, config.splits.iter().copied().filter(|(_, prefix)| exists(prefix)).collect())
        })
        .filter(|(_, splits): &(_, Vec<_>)| !splits.is_empty())
        .collect();

    let mut out = String::from("---\n");
    front_matter(&mut out, run, &configs);
    out.push_str("---\n\n");
    let _ = writeln!(out, "# {}\n", one_line(&run.recipe_name));
    summary(&mut out, run);
    out.push_str(
        "\n## What lies here\n\n| config | split | files | one row is |\n| --- | --- | --- | --- |\n",
    );
    for (config, splits) in &configs {
        for (split, prefix) in splits {
            let _ = writeln!(out, "| {} | {split} | `{prefix}*.parquet` | {} |", config.name, config.row);
        }
    }
    out.push_str(
        "\n`report.html` shows what was dropped and why, `report.json` holds the same numbers, `manifest.json` the \
         inputs, versions and hashes.\n",
    );
    let _ = writeln!(out, "\n## Method\n\n{}", markdown_text(&render_method(run)));
    out.push_str(HOW_TO_LOAD);
    let _ =
        writeln!(out, "\n## Recipe\n\n```toml\n{}\n```", run.recipe_toml.trim_end().replace("```", "` ` `"));
    out
}

const HOW_TO_LOAD: &str = r#"
## How to load it

```python
from datasets import load_dataset
clean = load_dataset("out/", split="train")                   # the kept documents
ledger = load_dataset("out/", "ledger", split="train")        # why each document was kept or dropped

import pyarrow.parquet as pq
clean = pq.read_table("out/clean/")

import polars as pl
clean = pl.scan_parquet("out/clean/*.parquet")
```

```sql
-- DuckDB
SELECT reason, count(*) AS documents FROM 'out/ledger/*.parquet' GROUP BY reason ORDER BY documents DESC;
```
"#;

fn front_matter(out: &mut String, run: &Run, configs: &[(&Config, Vec<(&str, &str)>)]) {
    let _ = writeln!(out, "pretty_name: {}", quoted(&run.recipe_name));
    let languages: Vec<&String> = run
        .tally
        .languages
        .iter()
        .filter(|(code, group)| {
            group.kept.documents > 0 && code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase())
        })
        .map(|(code, _)| code)
        .collect();
    if !languages.is_empty() {
        out.push_str("language:\n");
        for code in languages {
            let _ = writeln!(out, "- {}", quoted(code));
        }
    }
    out.push_str("task_categories:\n- text-generation\ntags:\n- corpus\n");
    if !configs.is_empty() {
        out.push_str("configs:\n");
    }
    for (config, splits) in configs {
        let _ = writeln!(out, "- config_name: {}", config.name);
        if config.name == "clean" {
            out.push_str("  default: true\n");
        }
        out.push_str("  data_files:\n");
        for (split, prefix) in splits {
            let _ = writeln!(out, "  - split: {split}\n    path: {prefix}*.parquet");
        }
    }
}

fn summary(out: &mut String, run: &Run) {
    let tally = &run.tally;
    let _ = writeln!(
        out,
        "Text for pretraining, cleaned with corpus {}: {} of {} documents kept ({}), {} of {} of text ({}).",
        run.corpus_version,
        human_count(tally.kept.documents),
        human_count(tally.input.documents),
        percent(tally.kept.documents, tally.input.documents),
        human_bytes(tally.kept.bytes),
        human_bytes(tally.input.bytes),
        percent(tally.kept.bytes, tally.input.bytes),
    );
    if let Some(tokens) = &run.tokens {
        let _ = writeln!(
            out,
            "It is packed into {} sequences of {} tokens ({} tokens, {:.2} bytes each).",
            human_count(tokens.sequences),
            human_count(tokens.sequence_length),
            human_count(tokens.n_tokens),
            tokens.bytes_per_token,
        );
    }
    let found = |set: &EvaluationSet| {
        let (found, documents) = (set.found.items.len() as u64, human_count(set.found.documents));
        format!(
            "{}: {} of {} items, in {documents} documents",
            markdown_text(&set.path),
            human_count(found),
            human_count(set.items)
        )
    };
    let sets: Vec<String> = run.evaluation_sets.iter().map(found).collect();
    if !sets.is_empty() {
        let _ = writeln!(out, "Evaluation sets found in the input: {}.", sets.join("; "));
    }
    let n_quarantined = run.inputs.quarantined.len();
    if n_quarantined > 0 {
        let _ = writeln!(out, "Quarantined input files: {n_quarantined}; `manifest.json` names them.");
    }
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    markdown_text(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Plain text that Markdown shows as it is.
fn markdown_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_<>[]#|".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::run;

    #[test]
    fn only_what_exists_becomes_a_config() {
        let outputs = ["clean/00000.parquet", "ledger/00000.parquet", "tokens/train-00000.parquet"];
        let card = render_card(&run(), &outputs.map(String::from));
        assert!(card.starts_with("---\npretty_name: \"default\"\n"));
        assert!(card.contains("- config_name: clean\n  default: true\n  data_files:\n  - split: train\n    path: clean/*.parquet\n"));
        assert!(card.contains("- split: train\n    path: tokens/train-*.parquet\n"));
        assert!(!card.contains("control-*") && !card.contains("config_name: rejected"));
        assert_eq!(card.lines().filter(|line| *line == "---").count(), 2);
    }

    #[test]
    fn a_recipe_name_cannot_break_the_front_matter() {
        let mut run = run();
        run.recipe_name = "a: b\n---\n<script>".to_owned();
        let card = render_card(&run, &[]);
        assert!(card.contains(r#"pretty_name: "a: b\n---\n<script>""#));
        assert_eq!(card.lines().filter(|line| *line == "---").count(), 2);
        assert!(card.contains("# a: b --- \\<script\\>"));
    }
}
