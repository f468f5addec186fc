//! The recipes that come with the program.

/// Name and TOML text.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("default", include_str!("../../rules/recipes/default.toml")),
    ("dclm", include_str!("../../rules/recipes/dclm.toml")),
    ("refinedweb", include_str!("../../rules/recipes/refinedweb.toml")),
];

pub fn find(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
