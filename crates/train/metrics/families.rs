//! What is measured: families of metrics, in the order of the tables.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// What is better cannot be said of the number alone.
    Neither,
}

/// A family of metrics.
pub struct Family {
    /// What stands before the dot of a metric's name.
    pub name: &'static str,
    /// What is measured, and in which unit.
    pub about: &'static str,
    pub better: Better,
    /// Every run is asked the same items, so that seeds do not know what other items would bring.
    pub is_fixed: bool,
}

const fn family(name: &'static str, about: &'static str, better: Better, is_fixed: bool) -> Family {
    Family { name, about, better, is_fixed }
}

/// In the order of the tables.
pub const FAMILIES: [Family; 11] = [
    family("bits_per_byte", "bits per byte of held-out text by its source", Better::Lower, true),
    family("pairs", "share of sentences told from a broken twin", Better::Higher, true),
    family("margin", "nats by which a sentence is likelier than its broken twin", Better::Higher, true),
    family(
        "canaries",
        "bits per byte that a text planted so many times is likelier than one that was not",
        Better::Lower,
        false,
    ),
    family("recited", "share of planted texts continued word for word", Better::Lower, false),
    family(
        "memorised",
        "bits per byte of trained documents with so many copies, minus unread ones",
        Better::Neither,
        false,
    ),
    family("toxic", "chance of a listed obscene word or slur next, per million", Better::Lower, true),
    family("purity", "share of written text in the held-out text's language", Better::Higher, false),
    family("writing", "repetition in written text, to be held against held-out text", Better::Neither, false),
    family("overlap", "share of held-out 13-word runs in training text", Better::Lower, true),
    family(
        "stability",
        "gradient norm that one step in a hundred exceeds, over the median",
        Better::Lower,
        false,
    ),
];
