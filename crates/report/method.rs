//! The method paragraph: what was done to the text, in sentences that can be cited.

use std::fmt::Write;

use document::Reason;

use crate::human::human_count;
use crate::{MixSummary, Run, StageInfo, StageKind};

/// Prose made from the recipe: filters in order with their thresholds and sources, the word splitter,
/// the parameters of deduplication. One paragraph per stage, separated by blank lines; plain text.
pub fn render_method(run: &Run) -> String {
    let mut out = format!(
        "The text was cleaned with corpus {} and the recipe \"{}\" (hash {}). Words are split by {}; lengths are in \
         Unicode code points. {} Stages were applied in this order, and a document is attributed to the first \
         check that it failed.",
        run.corpus_version,
        run.recipe_name.split_whitespace().collect::<Vec<_>>().join(" "),
        run.recipe_hash,
        splitter(&run.splitter),
        if run.is_early {
            "A document was measured up to its first failed check."
        } else {
            "Every document of a wanted language was measured by every check."
        },
    );
    if let Some(extraction) = &run.extraction {
        let _ = write!(
            out,
            "\n\nHTML became text by corpus's own extraction in the mode \"{}\": {} pages.",
            extraction.mode,
            human_count(extraction.pages)
        );
    }
    for stage in run.stages.iter().filter(|stage| stage.kind != StageKind::Input) {
        out.push_str("\n\n");
        out.push_str(&match stage.kind {
            StageKind::Input | StageKind::Filter => filter(run, stage),
            StageKind::UrlDedup => url(stage),
            StageKind::ExactDedup => exact(stage),
            StageKind::Minhash => minhash(stage),
            StageKind::Tokenize | StageKind::Pack => tokens(run, stage),
        });
        if matches!(stage.kind, StageKind::ExactDedup | StageKind::Minhash) && !run.against.is_empty() {
            let _ = write!(
                out,
                " Documents of {} stood for kept ones, by their signatures, so that what is like them was dropped, too.",
                run.against.join(", ")
            );
        }
    }
    out
}

fn splitter(name: &str) -> String {
    match name {
        "uax29" => "Unicode word boundaries (UAX #29)".to_owned(),
        "spacy" => "spaCy's English tokenizer".to_owned(),
        "whitespace" => "white space".to_owned(),
        "wordpunct" => "NLTK's WordPunct".to_owned(),
        other => format!("\"{other}\""),
    }
}

fn filter(run: &Run, stage: &StageInfo) -> String {
    let mut out = stage.name.clone();
    if !stage.source.is_empty() {
        let _ = write!(out, " ({})", stage.source);
    }
    let of_stage = |is_line: bool, is_edit: bool| -> Vec<String> {
        let reasons = run.reasons.0.iter().filter(|reason| reason.stage == stage.name);
        reasons.filter(|r| r.is_line == is_line && r.is_edit == is_edit).filter_map(check).collect()
    };
    let (documents, lines, edits) = (of_stage(false, false), of_stage(true, false), of_stage(false, true));
    if !edits.is_empty() {
        let _ = write!(out, " rewrote parts of texts for {}", join(&edits));
    }
    if !lines.is_empty() {
        let _ = write!(out, " removed lines for {}", join(&lines));
    }
    if !documents.is_empty() {
        let start = if lines.is_empty() && edits.is_empty() { " dropped" } else { "; it dropped" };
        let _ = write!(out, "{start} documents for {}", join(&documents));
    }
    if documents.is_empty() && lines.is_empty() && edits.is_empty() {
        out.push_str(" ran without a check that drops");
    }
    out.push('.');
    let options: Vec<String> = (stage.options.iter().filter(|(_, value)| !value.is_empty()))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if !options.is_empty() {
        let _ = write!(out, " Options: {}.", options.join(", "));
    }
    out
}

/// `too_few_words (words ≥ 50 kept)`; `None` if it is off.
fn check(reason: &Reason) -> Option<String> {
    match &reason.signal {
        _ if reason.bound == "off" => None,
        Some(signal) => Some(format!("{} (kept: {} {})", reason.reason, signal, reason.bound)),
        None => Some(reason.reason.clone()),
    }
}

fn exact(stage: &StageInfo) -> String {
    format!(
        "{} dropped documents whose text at that stage has the same 128-bit hash as an earlier one; the first in \
         input order was kept.",
        stage.name
    )
}

fn url(stage: &StageInfo) -> String {
    let keep = stage.options.get("keep").map_or("first", String::as_str);
    format!("{} dropped documents of the same address; of each {} was kept.", stage.name, kept(keep))
}

fn minhash(stage: &StageInfo) -> String {
    let option = |key: &str, default: &str| -> String {
        stage.options.get(key).map_or(default, String::as_str).trim_matches('"').to_owned()
    };
    let mut out = format!(
        "{} looked for near-duplicates by MinHash over {}-word shingles ({}, {} bits), {} bands of {} rows. Documents \
         that share a band form a cluster; of each cluster {} was kept",
        stage.name,
        option("shingle", "5"),
        option("hash", "xxhash"),
        option("bits", "64"),
        option("bands", "14"),
        option("rows", "8"),
        kept(&option("keep", "longest")),
    );
    let similarity = option("min_similarity", "0.7");
    let _ = match option("verify", "sketch").as_str() {
        "none" => write!(out, ", and every other member was dropped unverified."),
        "text" => write!(
            out,
            ", and another only dropped if its Jaccard similarity to it is at least {similarity}."
        ),
        _ => write!(
            out,
            ", and another only dropped if its similarity to it, estimated from the signature, is at least \
             {similarity}."
        ),
    };
    out
}

/// The document that a recipe's `keep` names.
fn kept(keep: &str) -> String {
    match keep.split_once(':') {
        Some(("best", signal)) => format!("the document with the highest {signal}"),
        Some(("newest", column)) => format!("the document with the newest {column}"),
        Some(("prefer", sources)) => {
            format!(
                "the document of the first of these sources: {}, others last,",
                sources.replace(',', ", ")
            )
        }
        _ if keep == "datatrove" => "the document at the root of datatrove's union".to_owned(),
        _ => format!("the {keep} document"),
    }
}

fn tokens(run: &Run, stage: &StageInfo) -> String {
    match (&run.tokens, stage.kind) {
        (Some(tokens), StageKind::Tokenize) => {
            format!("{} used a byte-level BPE with {} ids.", stage.name, human_count(tokens.vocab))
        }
        (Some(tokens), _) => format!(
            "{} shuffled the documents and packed them best-fit into sequences of {} tokens, each document beginning \
             with the end-of-text token; longer ones were cut, none cropped. {} held-out documents and {} that share \
             a band with one were left out.{}",
            stage.name,
            human_count(tokens.sequence_length),
            human_count(tokens.heldout_documents),
            human_count(tokens.excluded_documents),
            tokens.mix.map(mixed).unwrap_or_default(),
        ),
        (None, _) => format!("{} ran.", stage.name),
    }
}

fn mixed(mix: MixSummary) -> String {
    let [repeated, copies, left_out] = [mix.repeated, mix.copies, mix.left_out].map(human_count);
    format!(
        " By the recipe's weights, {repeated} documents were packed more than once, {copies} times together beyond the first, and \
         {left_out} not at all."
    )
}

fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {}", start.join(", "), last),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fixture::run;

    #[test]
    fn thresholds_sources_and_parameters_are_named() {
        let method = render_method(&run());
        for part in [
            "gopher_quality (Rae et al. 2021, A.1.1) dropped documents for",
            "too_few_words (kept: words ≥ 50)",
            "Unicode word boundaries",
            "14 bands of 8 rows",
            "5-word shingles (xxhash, 64 bits)",
            "of each cluster the longest document was kept",
            "at least 0.7",
            "removed lines for",
            "sequences of 1,024 tokens",
        ] {
            assert!(method.contains(part), "{part}\n{method}");
        }
        let at = |name: &str| method.find(&format!("\n\n{name}")).unwrap();
        assert!(at("language") < at("gopher_quality") && at("gopher_quality") < at("minhash"));
        assert!(!method.contains("off)"));
    }

    #[test]
    fn the_kept_document_is_named_by_every_choice() {
        assert_eq!(kept("first"), "the first document");
        assert_eq!(kept("best:gopher_quality.words"), "the document with the highest gopher_quality.words");
        assert_eq!(kept("newest:date"), "the document with the newest date");
        assert!(kept("prefer:wiki,web").contains("sources: wiki, web"));
        assert!(kept("datatrove").contains("datatrove"));
    }
}
