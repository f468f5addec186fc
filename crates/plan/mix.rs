//! The `[mix]` table, understood: how often a document that is trained on is packed, by its origin or by a measurement.

use text::address;

use crate::error::suggest;
use crate::keep::Wrong;
use crate::recipe::Recipe;

/// The highest weight.
pub const MOST_COPIES: f64 = 100.0;

/// Weights of documents: 1 where nothing else is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    pub by: MixBy,
    /// Names or beginnings of names, the longest first.
    names: Vec<(String, f64)>,
    /// Lowest values, the highest first.
    values: Vec<(f64, f64)>,
}

/// What weights go by.
#[derive(Clone, Debug, PartialEq)]
pub enum MixBy {
    /// A column of text: the whole of it, but for `file_path`, of which a beginning will do.
    Column(&'static str),
    /// The host of the address, or a domain that it lies in.
    Domain,
    /// A measured column, `<stage>.<signal>`: from a value on.
    Signal(String),
}

const COLUMNS: [&str; 4] = ["source", "dump", "file_path", "language"];

impl Mix {
    /// The table of a recipe; none if it has no weights.
    pub fn of(recipe: &Recipe) -> Result<Option<Mix>, Wrong> {
        let wrong =
            |key: &'static str, message: String, remedy: String| Wrong { table: "mix", key, message, remedy };
        let written = recipe.list("mix", "weights");
        if written.is_empty() {
            return Ok(None);
        }
        if !recipe.has_stage("pack") {
            let remedy = "add \"tokenize\", \"pack\" to the pipeline, or remove the table".to_owned();
            return Err(wrong("weights", "mix.weights: nothing is packed".to_owned(), remedy));
        }
        let signals = recipe.ledger_signals();
        let by = recipe.text("mix", "by");
        let by = match by {
            "domain" => MixBy::Domain,
            _ => match (
                COLUMNS.into_iter().find(|column| *column == by),
                signals.iter().any(|name| name == by),
            ) {
                (Some(column), _) => MixBy::Column(column),
                (None, true) => MixBy::Signal(by.to_owned()),
                (None, false) => {
                    let known =
                        COLUMNS.into_iter().chain(["domain"]).chain(signals.iter().map(String::as_str));
                    return Err(wrong("by", format!("mix.by cannot be \"{by}\""), suggest(by, known)));
                }
            },
        };
        let mut mix = Mix { by, names: Vec::new(), values: Vec::new() };
        for entry in written {
            let (name, weight) = entry.rsplit_once('=').unwrap_or((entry, ""));
            let (name, weight) = (name.trim(), weight.trim().parse::<f64>().ok());
            let weight = weight.filter(|weight| (0.0..=MOST_COPIES).contains(weight));
            let (Some(weight), false) = (weight, name.is_empty()) else {
                let remedy =
                    format!("write NAME=WEIGHT with a weight from 0 to {MOST_COPIES}, such as \"wiki=2.5\"");
                return Err(wrong("weights", format!("mix.weights: `{entry}` is no weight"), remedy));
            };
            let is_known = match (&mix.by, name.parse::<f64>().ok().filter(|value| value.is_finite())) {
                (MixBy::Signal(_), Some(value)) => {
                    mix.values.push((value, weight));
                    mix.values.iter().filter(|known| known.0 == value).count() > 1
                }
                (MixBy::Signal(_), None) => {
                    let remedy =
                        "a measurement takes its lowest value: \"0.8=2\" packs documents from 0.8 on twice";
                    return Err(wrong(
                        "weights",
                        format!("mix.weights: `{name}` is no number"),
                        remedy.to_owned(),
                    ));
                }
                _ => {
                    mix.names.push((name.to_owned(), weight));
                    mix.names.iter().filter(|known| known.0 == name).count() > 1
                }
            };
            if is_known {
                return Err(wrong(
                    "weights",
                    format!("mix.weights: `{name}` stands twice"),
                    "remove one".to_owned(),
                ));
            }
        }
        mix.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        mix.values.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(Some(mix))
    }

    /// By a text: of a column, or an address.
    pub fn weight_of_text(&self, text: Option<&str>) -> f64 {
        let Some(text) = text else { return 1.0 };
        let exactly =
            |wanted: &str| self.names.iter().find(|(name, _)| name == wanted).map(|(_, weight)| *weight);
        let weight = match self.by {
            MixBy::Domain => address::domains(&address::split(text).0).find_map(exactly),
            MixBy::Column("file_path") => {
                self.names.iter().find(|(name, _)| text.starts_with(name.as_str())).map(|(_, weight)| *weight)
            }
            MixBy::Column(_) | MixBy::Signal(_) => exactly(text),
        };
        weight.unwrap_or(1.0)
    }

    /// By a measurement.
    pub fn weight_of_number(&self, number: Option<f64>) -> f64 {
        let reached = |number: f64| self.values.iter().find(|(lowest, _)| number >= *lowest);
        number.and_then(reached).map_or(1.0, |(_, weight)| *weight)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mix(table: &str) -> Mix {
        let text = format!("pipeline = [\"gopher_quality\", \"tokenize\", \"pack\"]\n[mix]\n{table}\n");
        Mix::of(&Recipe::parse("r.toml", &text).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn the_most_specific_name_weighs() {
        let paths = mix("by = \"file_path\"\nweights = [\"books/=2\", \"books/old/=0.5\", \"web.jsonl=0\"]");
        let weight = |path| paths.weight_of_text(Some(path));
        assert_eq!(["books/a", "books/old/a", "web.jsonl", "other"].map(weight), [2.0, 0.5, 0.0, 1.0]);
        assert_eq!(paths.weight_of_text(None), 1.0);
        let domains = mix("by = \"domain\"\nweights = [\"example.org=3\", \"old.example.org=0\"]");
        let weight = |url| domains.weight_of_text(Some(url));
        assert_eq!(
            ["https://www.example.org/a", "http://old.example.org", "http://notexample.org"].map(weight),
            [3.0, 0.0, 1.0]
        );
        let sources = mix("weights = [\"a=b=1.5\"]");
        assert_eq!((sources.weight_of_text(Some("a=b")), sources.weight_of_text(Some("a"))), (1.5, 1.0));
    }

    #[test]
    fn measurements_weigh_from_a_value_on() {
        let words = mix("by = \"gopher_quality.words\"\nweights = [\"100=0.5\", \"1000=2\"]");
        let weight = |number| words.weight_of_number(number);
        assert_eq!(
            [None, Some(99.0), Some(100.0), Some(999.0), Some(1000.0)].map(weight),
            [1.0, 1.0, 0.5, 0.5, 2.0]
        );
    }

    #[test]
    fn a_wrong_table_is_told() {
        let error = |table: &str, pipeline: &str| {
            let text = format!("pipeline = [{pipeline}]\n[mix]\n{table}\n");
            Recipe::parse("r.toml", &text).unwrap_err().to_string()
        };
        let packs = "\"gopher_quality\", \"tokenize\", \"pack\"";
        assert!(error("by = \"sourc\"\nweights = [\"a=1\"]", packs).contains("source"));
        assert!(
            error("by = \"gopher_quality.word\"\nweights = [\"1=1\"]", packs)
                .contains("gopher_quality.words")
        );
        assert!(error("by = \"gopher_quality.words\"\nweights = [\"a=1\"]", packs).contains("no number"));
        for entry in ["a", "a=", "=1", "a=-1", "a=101", "a=nan"] {
            assert!(error(&format!("weights = [\"{entry}\"]"), packs).contains("is no weight"), "{entry}");
        }
        assert!(error("weights = [\"a=1\", \"a=2\"]", packs).contains("twice"));
        assert!(error("weights = [\"a=1\"]", "\"gopher_quality\"").contains("nothing is packed"));
        assert_eq!(Mix::of(&Recipe::parse("r.toml", "pipeline = []\n").unwrap()).unwrap(), None);
    }
}
