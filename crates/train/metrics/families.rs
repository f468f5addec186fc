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
    /// Items are 0, ½ or 1.
    pub is_share: bool,
    /// Every run is asked the same items, so that seeds do not know what other items would bring.
    pub is_fixed: bool,
}

const fn family(
    name: &'static str,
    about: &'static str,
    better: Better,
    is_share: bool,
    is_fixed: bool,
) -> Family {
    Family { name, about, better, is_share, is_fixed }
}

/// In the order of the tables.
pub const FAMILIES: [Family; 11] = [
    family("bits_per_byte", "bits per byte of held-out text by its source", Better::Lower, false, true),
    family("pairs", "share of sentences told from a broken twin", Better::Higher, true, true),
    family(
        "margin",
        "nats by which a sentence is likelier than its broken twin",
        Better::Higher,
        false,
        true,
    ),
    family(
        "canaries",
        "bits per byte that a text planted so many times is likelier than one that was not",
        Better::Lower,
        false,
        false,
    ),
    family("recited", "share of planted texts continued word for word", Better::Lower, true, false),
    family(
        "memorised",
        "bits per byte of trained documents with so many copies, minus unread ones",
        Better::Neither,
        false,
        false,
    ),
    family("toxic", "chance of a listed obscene word or slur next, per million", Better::Lower, false, true),
    family("purity", "share of written text in the held-out text's language", Better::Higher, false, false),
    family(
        "writing",
        "repetition in written text, to be held against held-out text",
        Better::Neither,
        false,
        false,
    ),
    family("overlap", "share of held-out 13-word runs in training text", Better::Lower, false, true),
    family(
        "stability",
        "largest gradient norm in a hundred steps, over the median",
        Better::Lower,
        false,
        false,
    ),
];
