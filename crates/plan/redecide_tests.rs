//! Deciding anew from the ledger: what moves, what stays, what is open, what is refused.

use super::*;

fn recipe(text: &str) -> Recipe {
    Recipe::parse("test.toml", text).unwrap()
}

const OLD: &str = "pipeline = [\"language\", \"gopher_quality\", \"c4_quality\", \"exact_dedup\"]\n";

fn with(changes: &str) -> Result<Redecide, Vec<Obstacle>> {
    Redecide::new(&recipe(OLD), &recipe(&format!("{OLD}{changes}")), false)
}

/// The number of a reason in the run of [`OLD`].
fn reason(stage: &str, check: &str) -> ReasonId {
    let mut first = Problem::ALL.len();
    for name in ["language", "gopher_quality", "c4_quality"] {
        let spec = filters::find(name).unwrap();
        if name == stage {
            return ReasonId((first + spec.checks_named(check)[0]) as u8);
        }
        first += spec.checks.len();
    }
    unreachable!("{stage}")
}

fn decided(rules: &Redecide, reasons: &[ReasonId], values: &[Option<f64>]) -> Redecided {
    let mut verdict = Verdict::default();
    reasons.iter().for_each(|reason| verdict.add(*reason));
    rules.decide(&Facts { verdict, language: Some("en"), values })
}

#[test]
fn a_moved_bound_is_compared_with_the_measured_value() {
    let rules =
        with("[gopher_quality]\ntoo_few_words = 80\n[gopher_quality.de]\ntoo_few_words = 20\n").unwrap();
    assert_eq!(rules.columns(), ["gopher_quality.words"]);
    let few = reason("gopher_quality", "too_few_words");
    assert_eq!(decided(&rules, &[], &[Some(79.0)]).verdict.first(), Some(few));
    assert!(decided(&rules, &[], &[Some(80.0)]).verdict.is_keep());
    assert!(decided(&rules, &[few], &[Some(90.0)]).verdict.is_keep());
    let german = |values| rules.decide(&Facts { verdict: Verdict::default(), language: Some("de"), values });
    assert!(german(&[Some(20.0)]).verdict.is_keep() && !german(&[Some(19.0)]).verdict.is_keep());
}

#[test]
fn other_reasons_stay_and_duplicates_are_none() {
    let rules = with("[gopher_quality]\ntoo_few_words = \"off\"\n").unwrap();
    let sentences = reason("c4_quality", "too_few_sentences");
    let both = [reason("gopher_quality", "too_few_words"), sentences];
    assert_eq!(decided(&rules, &both, &[Some(3.0)]).verdict.iter().collect::<Vec<_>>(), [sentences]);
    let duplicate = ReasonId(sentences.0 + 20);
    assert!(decided(&rules, &[duplicate], &[Some(3.0)]).verdict.is_keep());
    assert_eq!(decided(&rules, &[ReasonId(0)], &[None]).verdict.first(), Some(ReasonId(0)));
}

#[test]
fn what_was_not_measured_is_open() {
    let rules = with("[language]\nunwanted_language = \"off\"\n").unwrap();
    let open = decided(&rules, &[reason("language", "unwanted_language")], &[]);
    assert_eq!(
        (open.verdict.is_keep(), open.open.map(|place| rules.stage(place))),
        (true, Some("gopher_quality"))
    );
    let rules = with("[language]\nlanguages = [\"de\"]\n").unwrap();
    assert_eq!(decided(&rules, &[], &[]).verdict.first(), Some(reason("language", "unwanted_language")));
    assert!(decided(&rules, &[reason("language", "low_confidence")], &[]).open.is_none());
    // A run that stops at the first failure knows nothing behind it.
    let new = recipe(&format!("{OLD}[gopher_quality]\ntoo_few_words = \"off\"\n"));
    let early = Redecide::new(&recipe(OLD), &new, true).unwrap();
    let open = decided(&early, &[reason("gopher_quality", "too_few_words")], &[Some(9.0)]);
    assert_eq!(open.open.map(|place| early.stage(place)), Some("c4_quality"));
    let dropped = [reason("gopher_quality", "too_few_words"), reason("gopher_quality", "odd_word_length")];
    assert_eq!(decided(&early, &dropped, &[Some(9.0)]).open, None);
}

#[test]
fn one_shown_check_stands_for_the_other() {
    let rules = with("[c4_quality]\ncurly_bracket = \"off\"\n").unwrap();
    assert_eq!(rules.columns(), ["c4_quality.lorem_ipsum"]);
    let curly = [reason("c4_quality", "curly_bracket")];
    assert!(decided(&rules, &curly, &[Some(0.0)]).verdict.is_keep());
    let lorem = decided(&rules, &curly, &[Some(1.0)]).verdict;
    assert_eq!(lorem.first(), Some(reason("c4_quality", "lorem_ipsum")));
}

#[test]
fn a_filter_that_only_measured_is_judged_by_the_language_it_found() {
    let old = format!("{OLD}[language]\nunwanted_language = \"off\"\n");
    let rules = Redecide::new(&recipe(&old), &recipe(OLD), false).unwrap();
    assert!(rules.wants_language() && rules.unknown().next().is_none());
    let judge =
        |language| rules.decide(&Facts { verdict: Verdict::default(), language, values: &[] }).verdict;
    let unwanted = Some(reason("language", "unwanted_language"));
    assert_eq!([Some("de"), None, Some("en")].map(judge).map(Verdict::first), [unwanted, unwanted, None]);
}

#[test]
fn behind_another_text_everything_is_open() {
    let few = reason("gopher_quality", "too_few_words");
    let sentences = reason("c4_quality", "too_few_sentences");
    for changes in [
        "[c4_quality]\nterminal_punctuation = true\n[gopher_quality]\ntoo_few_words = 80\n",
        "[c4_quality]\njavascript = \"off\"\n[gopher_quality]\ntoo_few_words = 80\n",
    ] {
        let rules = with(changes).unwrap();
        let place = |reasons: &[ReasonId], words| {
            let found = decided(&rules, reasons, &[Some(words)]);
            (found.verdict.first(), found.open.map(|place| rules.stage(place)))
        };
        assert_eq!(place(&[], 79.0), (Some(few), None), "{changes}");
        assert_eq!(place(&[], 80.0), (None, Some("c4_quality")), "{changes}");
        assert_eq!(place(&[sentences], 80.0), (None, Some("c4_quality")), "{changes}");
        assert_eq!(place(&[ReasonId(0)], 80.0), (Some(ReasonId(0)), None), "{changes}");
    }
    let without =
        Redecide::new(&recipe(OLD), &recipe("pipeline = [\"language\", \"gopher_quality\"]"), false);
    let without = without.unwrap();
    assert_eq!(decided(&without, &[few], &[]).verdict.first(), Some(few));
    assert!(decided(&without, &[], &[]).open.is_some());
    let remedy = &without.unknown().next().unwrap().remedy;
    assert!(remedy.contains("c4_quality.lorem_ipsum=off c4_quality.curly_bracket=off"), "{remedy}");
}

#[test]
fn what_others_repeat_is_open_where_other_documents_come() {
    let old = "pipeline = [\"gopher_quality\", \"paragraph_dedup\", \"fineweb_quality\"]\n";
    let rules =
        |changes: &str| Redecide::new(&recipe(old), &recipe(&format!("{old}{changes}")), false).unwrap();
    let before = rules("[gopher_quality]\ntoo_few_words = 80\n");
    assert_eq!(
        decided(&before, &[], &[Some(99.0)]).open.map(|place| before.stage(place)),
        Some("paragraph_dedup")
    );
    let behind = rules("[fineweb_quality]\ntoo_few_punctuated_lines = 0.5\n");
    assert_eq!(decided(&behind, &[], &[Some(0.6)]), Redecided::default());
}

#[test]
fn code_that_reads_the_text_leaves_its_own_stage_open() {
    let old = "pipeline = [\"bad_words\", \"fineweb_quality\"]\n";
    let new =
        format!("{old}[fineweb_quality]\ntoo_few_punctuated_lines = 0.5\n[bad_words]\nbuiltin = false\n");
    let rules = Redecide::new(&recipe(old), &recipe(&new), false).unwrap();
    assert_eq!(decided(&rules, &[], &[Some(0.6)]).open.map(|place| rules.stage(place)), Some("bad_words"));
    assert!(decided(&rules, &[], &[Some(0.4)]).open.is_none());
}

#[test]
fn what_leaves_nothing_to_decide_by_is_refused_with_the_remedy() {
    let obstacles = with("[words]\nsplitter = \"uax29\"\n").unwrap_err();
    assert!(obstacles[0].message.contains("[words] splitter changes what all filters measure"));
    let other =
        |pipeline: &str| Redecide::new(&recipe(OLD), &recipe(&format!("pipeline = {pipeline}")), false);
    let messages = |pipeline: &str| format!("{:?}", other(pipeline).unwrap_err());
    assert!(messages("[\"language\", \"c4_quality\", \"gopher_quality\"]").contains("another place"));
    let more = "[\"language\", \"gopher_quality\", \"c4_quality\", \"bad_words\"]";
    assert!(messages(more).contains("nothing was measured for it"));
    assert!(other("[\"language\", \"c4_quality\", \"minhash\"]").is_ok());
}
