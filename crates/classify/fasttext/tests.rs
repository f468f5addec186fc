//! Models written by hand: what they answer, and what is wrong with broken ones.
#![allow(clippy::unwrap_used)]

use document::FileBytes;

use super::Model;
use super::fixture::Parts;

fn read(parts: &Parts) -> Model {
    Model::read(FileBytes::new(parts.bytes())).unwrap()
}

fn error(parts: &Parts) -> String {
    Model::read(FileBytes::new(parts.bytes())).err().unwrap()
}

/// Best label and its probability.
fn best(model: &Model, text: &str) -> Option<(String, f32)> {
    let best = model.classify(text, |mut scores| scores.best());
    best.map(|(label, probability)| (model.labels()[label].clone(), probability))
}

/// As the reference writes it: through the logarithm of the probability plus 1e-5.
fn through_log(probability: f64) -> f32 {
    ((probability + 1e-5).ln() as f32).exp()
}

#[test]
fn a_line_is_the_mean_of_its_rows() {
    let model = read(&Parts::two_languages());
    assert_eq!(model.labels(), ["en", "de"]);
    // Two words and the end of the line: (9, 0) and (0, 0) give (4.5, 0).
    let expected = through_log(1.0 / (1.0 + (-4.5_f64).exp()));
    let (label, probability) = best(&model, "the").unwrap();
    assert_eq!(label, "en");
    assert!((probability - expected).abs() <= f32::EPSILON, "{probability} {expected}");
    for text in ["the unknown", "the __label__de", "\tthe\u{b}\0", "the </s> und und", "the\n", "\nthe"] {
        assert_eq!(best(&model, text), Some(("en".to_owned(), probability)), "{text:?}");
    }
    assert_eq!(best(&model, "und und the").unwrap().0, "de");
    // Not white space to fastText: a no-break space makes another word.
    assert_eq!(best(&model, "the\u{a0}und").unwrap(), ("en".to_owned(), through_log(0.5)));
}

#[test]
fn labels_are_found_with_and_without_their_prefix() {
    let model = read(&Parts::two_languages());
    assert_eq!((model.label("de"), model.label("__label__de"), model.label("fr")), (Some(1), Some(1), None));
    model.classify("und", |mut scores| {
        assert!(scores.of(1) > scores.of(0) && scores.of(0) > 0.0);
        assert_eq!((scores.of(2), scores.best()), (0.0, Some((1, scores.of(1)))));
    });
}

#[test]
fn a_text_of_unknown_words_has_no_label() {
    let mut parts = Parts::two_languages();
    parts.words = vec!["a", "the", "und"];
    let model = read(&parts);
    assert_eq!(best(&model, "x y z"), None);
    assert_eq!(model.classify("", |mut scores| scores.of(0)), 0.0);
}

#[test]
fn rows_of_ngrams_follow_the_words() {
    // One bucket: every n-gram is row 3.
    let mut parts = Parts::two_languages();
    parts.bucket = 1;
    parts.input.extend([0.0, 3.0]);
    parts.word_ngrams = 2;
    let model = read(&parts);
    // the, </s>, and their bigram: (9, 3) / 3.
    let pair = |a: f64, b: f64| through_log(1.0 / (1.0 + (b - a).exp()));
    let near = |found: Option<(String, f32)>, expected: f32| {
        assert!((found.clone().unwrap().1 - expected).abs() <= f32::EPSILON, "{found:?} {expected}");
    };
    near(best(&model, "the"), pair(3.0, 1.0));
    // <the>: 6 of one to three letters without the brackets alone … and the word itself.
    parts.word_ngrams = 1;
    (parts.minn, parts.maxn) = (2, 3);
    let model = read(&parts);
    // <t th he e> <th the he> are 7: (9, 21) / 9.
    near(best(&model, "the"), pair(21.0 / 9.0, 1.0));
    (parts.minn, parts.maxn) = (1, 1);
    near(best(&read(&parts), "the"), pair(9.0 / 5.0, 9.0 / 5.0));
    // Pruned: no bucket is left, or that of another n-gram.
    parts.is_quantised = true;
    parts.output.iter_mut().for_each(|value| *value *= 1.0);
    parts.kept = Some(vec![]);
    near(best(&read(&parts), "the"), pair(4.5, 0.0));
    parts.kept = Some(vec![(0, 0)]);
    near(best(&read(&parts), "the"), pair(9.0 / 5.0, 9.0 / 5.0));
}

#[test]
fn a_tree_gives_the_product_of_its_turns() {
    let mut parts = Parts::two_languages();
    parts.loss = 1;
    parts.labels = vec![("__label__a", 9), ("__label__b", 5), ("__label__c", 2)];
    // Inner node 0 joins c and b, node 1 (the root) a and that.
    parts.output = vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let model = read(&parts);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    model.classify("the", |mut scores| {
        // hidden = (4.5, 0): the root's output is 0, node 0's is 4.5; the right child of node 0 is b.
        let expected = [0.5, 0.5 * sigmoid(4.5), 0.5 * sigmoid(-4.5)];
        for (label, expected) in expected.into_iter().enumerate() {
            assert!((f64::from(scores.of(label)) - expected).abs() < 2e-5, "{label}");
        }
        let best = scores.best().unwrap();
        assert_eq!((best.0, best.1), (0, scores.of(0)));
    });
}

#[test]
fn one_label_is_certain() {
    for loss in [1, 3] {
        let mut parts = Parts::two_languages();
        parts.loss = loss;
        parts.labels.truncate(1);
        parts.output.truncate(2);
        assert!(best(&read(&parts), "x").unwrap().1 >= 1.0);
    }
}

#[test]
fn weights_that_are_no_numbers_name_no_label() {
    for loss in 1..=4 {
        for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let mut parts = Parts::two_languages();
            parts.loss = loss;
            parts.input.fill(weight);
            parts.output.fill(weight);
            read(&parts).classify("the und", |mut scores| {
                let best = scores.best().map_or(0.0, |best| best.1);
                assert!(best.is_finite() && scores.of(0).is_finite() && scores.of(1).is_finite());
            });
        }
    }
}

#[test]
fn long_words_and_long_lines_need_no_more_memory_than_their_text() {
    let mut parts = Parts::two_languages();
    parts.bucket = 50;
    parts.input.resize(2 * 53, 0.25);
    (parts.minn, parts.maxn, parts.word_ngrams) = (1, 6, 3);
    let model = read(&parts);
    for text in ["é".repeat(100_000), "the und ".repeat(50_000)] {
        assert!(best(&model, &text).is_some());
        assert!(
            model
                .idle
                .lock()
                .unwrap()
                .iter()
                .all(|buffers| { buffers.rows.capacity() < 1 << 16 && buffers.padded.capacity() <= 1 << 18 })
        );
    }
}

#[test]
fn what_is_wrong_with_a_model_is_said() {
    let base = Parts::two_languages();
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = base.clone();
        change(&mut parts);
        error(&parts)
    };
    assert!(with(&|p| p.loss = 9).contains("loss 9"));
    assert!(with(&|p| p.maxn = 3).contains("bucket = 0"));
    assert!(with(&|p| p.maxn = -1).contains("maxn = -1"));
    assert!(with(&|p| p.bucket = -5).contains("bucket"));
    assert!(with(&|p| (p.maxn, p.bucket) = (3, 1)).contains("the dictionary needs 4"));
    assert!(with(&|p| p.labels.clear()).contains("0 labels"));
    assert!(with(&|p| p.labels.truncate(1)).contains("for 1 labels"));
    assert!(with(&|p| p.kept = Some(vec![])).contains("pruned"));
    assert!(with(&|p| (p.loss, p.labels[0].1) = (1, -1)).contains("count"));
    assert!(Model::read(FileBytes::new(Vec::new())).err().unwrap().contains("cut short"));
    assert!(Model::read(FileBytes::new(b"text".to_vec())).err().unwrap().contains("not a fastText model"));
    let mut word_vectors = base.bytes();
    word_vectors[4 * 9] = 1;
    assert!(Model::read(FileBytes::new(word_vectors)).err().unwrap().contains("word vectors"));
}

/// Small models of every kind.
fn kinds() -> Vec<Parts> {
    let mut dense = Parts::two_languages();
    (dense.bucket, dense.minn, dense.maxn, dense.word_ngrams) = (3, 1, 2, 2);
    dense.input.resize(2 * 6, 0.5);
    let mut quantised = dense.clone();
    quantised.is_quantised = true;
    quantised.loss = 1;
    let mut pruned = quantised.clone();
    pruned.kept = Some(vec![(0, 2), (2, 0)]);
    vec![Parts::two_languages(), dense, quantised, pruned]
}

#[test]
fn a_model_cut_anywhere_is_an_error() {
    for parts in kinds() {
        let whole = parts.bytes();
        assert!(Model::read(FileBytes::new(whole.clone())).is_ok());
        for length in 0..whole.len() {
            let cut = Model::read(FileBytes::new(whole[..length].to_vec()));
            assert!(cut.is_err_and(|message| !message.is_empty()), "{length} of {}", whole.len());
        }
        let longer = [whole, vec![0]].concat();
        assert!(Model::read(FileBytes::new(longer)).err().unwrap().contains("1 bytes follow"));
    }
}

#[test]
fn a_model_with_any_number_changed_is_read_or_refused() {
    for parts in kinds() {
        let whole = parts.bytes();
        for at in 0..whole.len().min(600) {
            for value in [0_u8, 1, 0x7f, 0x80, 0xff] {
                for width in [1, 4, 8] {
                    let mut changed = whole.clone();
                    changed.iter_mut().skip(at).take(width).for_each(|byte| *byte = value);
                    // What can be read can be used.
                    if let Ok(model) = Model::read(FileBytes::new(changed)) {
                        let best = best(&model, "the und x </s>");
                        assert!(best.is_none_or(|(_, probability)| probability.is_finite()));
                    }
                }
            }
        }
    }
}
