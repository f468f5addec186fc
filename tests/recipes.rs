//! Recipes: errors name the line and the nearest key; a resolved recipe is the same recipe.

use std::fs;

use crate::support::{clean, demo_raw, run, stderr, stdout, table, texts};

fn plan(text: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    fs::write(&path, text).unwrap();
    let output = run(&["plan", path.to_str().unwrap()]);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

#[test]
fn a_wrong_recipe_names_the_line_and_the_remedy() {
    let cases = [
        (
            "pipeline = [\"gopher_quality\"]\n[gopher_quality]\ntoo_few_word = 80\n",
            ":3:",
            "did you mean `too_few_words`",
        ),
        ("pipeline = [\"gopher_qualty\"]\n", ":1:", "did you mean `gopher_quality`"),
        (
            "pipeline = [\"gopher_quality\"]\n[gopher_quality]\ntoo_few_words = \"many\"\n",
            ":3:",
            "a number, or \"off\"",
        ),
        ("pipeline = [\"gopher_quality\"]\n[gopher_quality]\nodd_word_length = 3\n", ":3:", "[low, high]"),
        ("pipeline = [\"gopher_quality\"]\n\n[c4_quality]\n", ":3:", "add \"c4_quality\" to the pipeline"),
        ("pipeline = [\"pack\"]\n", ":1:", "tokenize"),
        ("pipeline = [\"tokenize\", \"gopher_quality\"]\n", ":1:", "stand last"),
        ("pipeline = [\"minhash\", \"minhash\"]\n", ":1:", "twice"),
        ("pipeline = [\"minhash\"]\n[minhash]\nmin_similarity = 1.5\n", ":3:", "allowed: 0 to 1"),
        ("pipeline = [\"minhash\"]\n[word]\nsplitter = \"uax29\"\n", ":2:", "did you mean `words`"),
        ("pipeline = [\"gopher_quality\"\n", ":", "TOML"),
        ("name = \"x\"\n", "", "pipeline"),
    ];
    for (text, place, message) in cases {
        let (code, _, error) = plan(text);
        assert_eq!(code, 2, "{text}");
        assert!(error.contains(&format!("mine.toml{place}")) && error.contains(message), "{text}\n{error}");
    }
}

#[test]
fn a_check_answers_to_its_name_in_a_reference_implementation() {
    let recipe =
        |key: &str| format!("name = \"x\"\npipeline = [\"gopher_quality\"]\n[gopher_quality]\n{key} = 80\n");
    let (code, alias, error) = plan(&recipe("gopher_short_doc"));
    assert_eq!(code, 0, "{error}");
    assert_eq!(alias, plan(&recipe("too_few_words")).1);
    assert!(alias.contains("words ≥ 80"), "{alias}");

    let output = run(&["filters", "--format", "json"]);
    let filters: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let checks =
        filters.as_array().unwrap().iter().find(|filter| filter["name"] == "gopher_quality").unwrap();
    let check = checks["checks"].as_array().unwrap().iter().find(|check| check["reason"] == "too_few_words");
    assert_eq!(check.unwrap()["datatrove"], "gopher_short_doc");

    // It is explained by that name, and with it.
    let output = run(&["explain", "gopher_short_doc"]);
    assert!(stdout(&output).contains("gopher_quality.too_few_words"), "{}", stderr(&output));
    assert!(stdout(&run(&["explain", "gopher_quality"])).contains("datatrove: gopher_short_doc"));
}

#[test]
fn a_resolved_recipe_is_the_same_recipe() {
    let first = run(&["plan", "--resolved"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolved.toml");
    fs::write(&path, stdout(&first)).unwrap();
    let second = run(&["plan", path.to_str().unwrap(), "--resolved"]);
    assert_eq!(stdout(&first), stdout(&second), "{}", stderr(&second));
    let text = stdout(&first);
    for line in ["too_few_words = 50", "odd_word_length = [3, 10]", "top_2_gram", "min_similarity = 0.7"] {
        assert!(text.contains(line) || line == "top_2_gram", "{line} in {text}");
    }
}

#[test]
fn a_plan_shows_every_stage_and_what_it_keeps() {
    let (code, text, error) = plan(
        "pipeline = [\"language\", \"gopher_quality\", \"minhash\"]\n[language]\nlanguages = [\"en\", \"eo\"]\n\
         [gopher_quality]\ntoo_many_bullets = \"off\"\n[gopher_quality.de]\nodd_word_length = [3.5, 12.0]\n",
    );
    assert_eq!(code, 0, "{error}");
    for part in ["sweep", "resolve", "too_few_words", "words ≥ 50", "off", "stop words for `eo`"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn recipes_that_come_with_the_program_are_plans() {
    for (name, text) in plan::recipes::EMBEDDED {
        let output = run(&["plan", name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        assert!(text.contains(&format!("\nname = \"{name}\"\n")), "{name}");
    }
}

#[test]
fn a_check_goes_by_its_name_in_a_reference() {
    let (code, text, error) =
        plan("pipeline = [\"dclm_quality\"]\n[dclm_quality]\npage_length_filter = [10, 1000]\n");
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("odd_page_length") && text.contains("10 … 1000"), "{text}");
    // A name for several checks switches them together.
    let repetition = "pipeline = [\"dclm_repetition\"]\n[dclm_repetition]\nmassive_web_repetition_filters = ";
    let (code, text, error) = plan(&format!("{repetition}\"off\"\n"));
    assert_eq!((code, text.contains("≤")), (0, false), "{text}{error}");
    let (code, _, error) = plan(&format!("{repetition}0.5\n"));
    assert!(code == 2 && error.contains(":3:") && error.contains("duplicate_lines"), "{error}");
}

#[test]
fn a_built_in_recipe_cleans_with_its_own_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, out) = (demo_raw(folder.path()), folder.path().join("out"));
    clean(&[&raw], &out, &["--recipe", "dclm", "--quiet"], 0);
    let reasons = texts(&table(&out, "ledger"), "reason");
    let has = |stage: &str| reasons.iter().flatten().any(|reason| reason.starts_with(stage));
    assert!(reasons.iter().any(Option::is_none) && has("dclm_quality.") && has("dclm_repetition."));
}
