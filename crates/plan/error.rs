//! A recipe that cannot be used: what is wrong, where, and how to put it right.

use std::fmt;

/// An error in a recipe. `Display` gives `file:line: message`, and the remedy on a second line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub file: String,
    /// From 1; 0 where no line is to blame.
    pub line: usize,
    pub message: String,
    pub remedy: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "\n  {}", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleError {}

/// "did you mean `x`?" or, where nothing is near, the list of what may be written.
pub(crate) fn suggest<'a>(found: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    let nearest = valid
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), *name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("known: {}", valid.join(", ")),
    }
}
