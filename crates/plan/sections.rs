//! The recipe tables that are not filters: each key with its default, range and meaning.

use document::OptionSpec;

/// A table of a recipe.
pub struct Section {
    pub name: &'static str,
    pub about: &'static str,
    pub options: &'static [OptionSpec],
    /// Allowed range by key, inclusive, for numbers.
    pub ranges: &'static [(&'static str, f64, f64)],
}

const fn key(key: &'static str, default: &'static str, why: &'static str) -> OptionSpec {
    OptionSpec { key, default, allowed: &[], is_path: false, why }
}

const fn choice(
    name: &'static str,
    default: &'static str,
    allowed: &'static [&'static str],
    why: &'static str,
) -> OptionSpec {
    OptionSpec { key: name, default, allowed, is_path: false, why }
}

pub const SECTIONS: &[Section] = &[
    Section {
        name: "extract",
        about: "How HTML becomes text: pages of WARC and ARC files, .html files, and a column of HTML.",
        options: &[
            choice(
                "mode",
                "\"balanced\"",
                &["precision", "balanced", "recall", "all-text"],
                "Main content, with less or more of what is doubtful; all-text: all that the page shows.",
            ),
            key(
                "column",
                "\"\"",
                "Input field of JSONL and Parquet that holds HTML, to be read instead of the text.",
            ),
            choice(
                "truncated",
                "\"drop\"",
                &["drop", "keep"],
                "Pages that the crawler cut off (Common Crawl at 1 MiB, since March 2025 at 5 MiB).",
            ),
        ],
        ranges: &[],
    },
    Section {
        name: "words",
        about: "How texts are split into words, for every filter and for shingles.",
        options: &[choice(
            "splitter",
            "\"spacy\"",
            &["spacy", "uax29", "whitespace", "wordpunct"],
            "spaCy's English tokenizer and sentencizer, as datatrove has them; Unicode boundaries (UAX-29); runs \
             without white space; or NLTK's WordPunct. Sentences by UAX-29, but for spacy.",
        )],
        ranges: &[],
    },
    Section {
        name: "columns",
        about: "Which input fields become typed columns of the clean files.",
        options: &[key("keep", "[]", "`name:type`, type one of utf8, int64, float64, bool.")],
        ranges: &[],
    },
    Section {
        name: "url_dedup",
        about: "Documents of the same address, whatever their text; those without one stay. Decided before exact_dedup and \
                minhash, wherever they stand.",
        options: &[
            key(
                "keep",
                "\"first\"",
                "Which of them is kept, as in [minhash] (ties: first): first; longest; best:<signal>; newest:<column>, such as \
                 newest:date; prefer:<sources>.",
            ),
            key(
                "normalize",
                "true",
                "Addresses without scheme, user, port, `www.` and fragment, the host in lower case, no slash at the end of a \
                 path; false: as they are, as in datatrove.",
            ),
        ],
        ranges: &[],
    },
    Section {
        name: "exact_dedup",
        about: "Documents with the same text (128-bit hash); the first in input order is kept.",
        options: &[],
        ranges: &[],
    },
    Section {
        name: "minhash",
        about: "Near-duplicates by MinHash-LSH, verified against the kept document.",
        options: &[
            choice("bands", "14", &[], "Bands of the signature."),
            choice("rows", "8", &[], "Rows per band; the threshold is about (1/bands)^(1/rows)."),
            choice("shingle", "5", &[], "Consecutive words per shingle."),
            key(
                "min_similarity",
                "0.7",
                "A member is dropped only if it is this similar to the kept document.",
            ),
            choice(
                "verify",
                "\"sketch\"",
                &["sketch", "text", "none"],
                "Similarity from 112 bytes of the signature; text: exact, from all shingles; none: every member of a \
                 component goes.",
            ),
            key(
                "keep",
                "\"longest\"",
                "Which document of a cluster is kept (ties: first): longest; first; best:<signal>, the highest of the \
                 ledger; newest:<column>, of an input column; prefer:<sources>, by the field `source`, such as \
                 prefer:wiki,books; datatrove, with verify = \"none\": its clusters and its choice.",
            ),
            choice(
                "hash",
                "\"xxhash\"",
                &["xxhash", "sha1"],
                "Hash of a shingle, as datatrove's HashConfig; sha1: FineWeb's.",
            ),
            choice("bits", "64", &[], "Bits of hash and signature, 64 or 32, as there."),
            key("warn_share", "0.5", "Warn when a source loses more than this share to duplicates."),
        ],
        ranges: &[
            ("bands", 14.0, 14.0),
            ("rows", 8.0, 8.0),
            ("shingle", 5.0, 5.0),
            ("min_similarity", 0.0, 1.0),
            ("warn_share", 0.0, 1.0),
        ],
    },
    Section {
        name: "sample",
        about: "The unfiltered control sample and the held-out documents, drawn by near-duplicate cluster.",
        options: &[
            key("control_bytes", "400000000", "Text of the control sample, about, in bytes."),
            key(
                "heldout_share",
                "0.02",
                "Held-out share of the documents, at most; small corpora give more, up to about 20 documents.",
            ),
            key("heldout_documents", "2000", "Held-out documents, at most, about."),
            key("seed", "0", "Seed of the sample."),
        ],
        ranges: &[
            ("control_bytes", 0.0, 1e15),
            ("heldout_share", 0.0, 0.5),
            ("heldout_documents", 0.0, 1e9),
            ("seed", 0.0, 9e15),
        ],
    },
    Section {
        name: "mix",
        about: "How often documents that are trained on are packed: more often than once, now and then, or never. Only \
                tokens/train-* is mixed; clean files and the control sample are not.",
        options: &[
            key(
                "by",
                "\"source\"",
                "What weights go by: source, dump, language, file_path (or how it begins), domain (with its subdomains), or \
                 <stage>.<signal> of the ledger (from a value on).",
            ),
            key(
                "weights",
                "[]",
                "`name=weight`, 0 to 100: \"wiki=2.5\" packs every document of wiki twice and half of them, drawn by a hash, a \
                 third time; what is not named weighs 1.",
            ),
        ],
        ranges: &[],
    },
    Section {
        name: "pack",
        about: "Token sequences.",
        options: &[
            key("length", "1024", "Tokens per sequence."),
            key("seed", "0", "Seed of the shuffle."),
            key("bucket_tokens", "67108864", "Tokens per shuffle bucket (one file each)."),
        ],
        ranges: &[("length", 16.0, 1048576.0), ("seed", 0.0, 9e15), ("bucket_tokens", 1024.0, 1073741824.0)],
    },
];

pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}
