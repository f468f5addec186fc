//! The `[url_dedup]` table, understood: documents of one address, of which one is kept.

use std::fmt;

use document::OptionValue;
use text::address;
use text::stable_hash::hash_id;

use crate::keep::{Keep, Wrong};
use crate::recipe::Recipe;

/// Deduplication by address as a run does it.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlDedup {
    pub keep: Keep,
    normalizes: bool,
}

impl UrlDedup {
    /// The table of a recipe, whatever the pipeline.
    pub fn of(recipe: &Recipe) -> Result<UrlDedup, Wrong> {
        let normalizes = recipe.sections.get(&("url_dedup", "normalize")) == Some(&OptionValue::Bool(true));
        Ok(UrlDedup { keep: Keep::of(recipe, "url_dedup", false)?, normalizes })
    }

    /// What is the same for the same page; none if there is no address.
    pub(crate) fn hash(&self, url: Option<&str>) -> Option<u64> {
        let url = url.filter(|url| !url.trim().is_empty())?;
        Some(if self.normalizes { hash_id(&address::normal(url.trim()), 0) } else { hash_id(url, 0) })
    }
}

impl fmt::Display for UrlDedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.keep)?;
        f.write_str(if self.normalizes {
            "; addresses in their normal form"
        } else {
            "; addresses as they are"
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_one_hash() {
        let of = |text: &str| UrlDedup::of(&Recipe::parse("r.toml", text).unwrap()).unwrap();
        let normal = of("pipeline = [\"url_dedup\"]\n");
        let same = ["https://www.Example.org/a/?", "http://example.org/a/?#b", " //example.org:80/a/? "];
        assert!(same.iter().all(|url| normal.hash(Some(url)) == normal.hash(Some(same[0]))));
        assert_ne!(normal.hash(Some("http://example.org/A")), normal.hash(Some("http://example.org/a")));
        assert_eq!((normal.hash(None), normal.hash(Some("  "))), (None, None));
        let plain = of("pipeline = [\"url_dedup\"]\n[url_dedup]\nnormalize = false\n");
        assert_ne!(plain.hash(Some("http://example.org")), plain.hash(Some("https://example.org")));
    }
}
