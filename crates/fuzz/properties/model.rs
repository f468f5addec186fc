//! What holds for any bytes read as a fastText model.

use classify::fasttext::Model;
use document::FileBytes;

/// A model that is read classifies any text: by known labels, in 0..=1 but for fastText's own rounding.
pub fn check(bytes: &[u8]) {
    let Ok(model) = Model::read(FileBytes::new(bytes.to_vec())) else { return };
    for text in ["", "the quick brown fox", "\u{feff}日本語 __label__en\n\0", "a a a a a a a a"] {
        let classify = |text| {
            model.classify(text, |mut scores| {
                let all: Vec<u32> =
                    (0..model.labels().len()).map(|label| scores.of(label).to_bits()).collect();
                (scores.best().map(|(label, score)| (label, score.to_bits())), all)
            })
        };
        let (best, all) = classify(text);
        assert!(best.is_none_or(|(label, _)| label < model.labels().len()), "{best:?}");
        assert_eq!((best, all), classify(text), "twice the same");
    }
}
