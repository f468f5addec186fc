//! What is looked for in the ledger.

/// Documents for which everything named holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Found in the id or in the address, whatever the letter case.
    pub text: Option<String>,
    /// `filter.reason`: the first.
    pub reason: Option<String>,
    /// `filter.reason`: among all.
    pub any_reason: Option<String>,
    pub language: Option<String>,
    /// Of the address; its subdomains count.
    pub domain: Option<String>,
    pub kept: Option<bool>,
    pub ranges: Vec<SignalRange>,
    /// A column, and whether the largest come first; otherwise input order.
    pub sort: Option<(String, bool)>,
    /// From 0.
    pub page: usize,
}

/// A column of numbers between two values, each in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SignalRange {
    pub column: String,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Wanted {
    /// Pages that can be turned to; behind them, what is wanted has to be said closer.
    pub const PAGES: usize = 20_000;

    /// Of the parts of a request; a part without a value says nothing.
    ///
    /// Errors: what cannot be understood.
    pub fn of(pairs: &[(String, String)]) -> Result<Wanted, String> {
        let mut wanted = Wanted::default();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.trim().is_empty()) {
            let text = || Some(value.trim().to_owned());
            match name.as_str() {
                "q" => wanted.text = text(),
                "reason" => wanted.reason = text(),
                "any" => wanted.any_reason = text(),
                "language" => wanted.language = text(),
                "domain" => wanted.domain = text().map(|domain| domain.to_lowercase()),
                "kept" => wanted.kept = Some(value == "yes"),
                "range" => wanted.ranges.push(range(value)?),
                "sort" => {
                    let name = value.strip_prefix('-').unwrap_or(value);
                    wanted.sort = Some((name.to_owned(), name.len() < value.len()));
                }
                "page" => {
                    let page = value.parse().ok().filter(|page| *page < Wanted::PAGES);
                    wanted.page = page.ok_or_else(|| format!("page={value}: 0 to {}", Wanted::PAGES - 1))?;
                }
                _ => return Err(format!("`{name}` is not understood")),
            }
        }
        Ok(wanted)
    }
}

/// `gopher_quality.words:50:` and the like.
fn range(text: &str) -> Result<SignalRange, String> {
    let wrong = || {
        format!(
            "range={text}: write column:from:to, such as gopher_quality.words:10:50; either may be missing"
        )
    };
    let mut parts = text.rsplitn(3, ':');
    let (Some(high), Some(low), Some(column)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let limit = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().filter(|limit: &f64| !limit.is_nan()).map(Some).ok_or_else(wrong),
    };
    Ok(SignalRange { column: column.to_owned(), low: limit(low)?, high: limit(high)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Wanted, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Wanted::of(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn a_request_is_what_is_wanted() {
        let wanted =
            of(&[("q", " a "), ("kept", "no"), ("range", "a.b:0.5:"), ("sort", "-bytes"), ("language", "")]);
        let range = SignalRange { column: "a.b".to_owned(), low: Some(0.5), high: None };
        let expected = Wanted {
            text: Some("a".to_owned()),
            kept: Some(false),
            ranges: vec![range],
            sort: Some(("bytes".to_owned(), true)),
            ..Wanted::default()
        };
        assert_eq!(wanted.unwrap(), expected);
        for (name, value) in
            [("page", "-1"), ("page", "99999999"), ("range", "words"), ("range", "a:x:"), ("x", "1")]
        {
            assert!(of(&[(name, value)]).is_err_and(|why| why.contains(name)), "{name}={value}");
        }
    }
}
