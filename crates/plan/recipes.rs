//! The recipes that come with the program.

/// Name and TOML text.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("default", include_str!("../../rules/recipes/default.toml")),
    ("c4", include_str!("../../rules/recipes/c4.toml")),
    ("dclm", include_str!("../../rules/recipes/dclm.toml")),
    ("dolma", include_str!("../../rules/recipes/dolma.toml")),
    ("fineweb", include_str!("../../rules/recipes/fineweb.toml")),
    ("fineweb-2024", include_str!("../../rules/recipes/fineweb-2024.toml")),
    ("gopher", include_str!("../../rules/recipes/gopher.toml")),
    ("redpajama2", include_str!("../../rules/recipes/redpajama2.toml")),
    ("refinedweb", include_str!("../../rules/recipes/refinedweb.toml")),
];

pub fn find(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use document::Bound;

    use super::*;
    use crate::recipe::StageRecipeKind;
    use crate::{Plan, Recipe};

    /// The bound of a check; `None`: there is no such check.
    fn bound(recipe: &Recipe, stage: &str, check: &str) -> Option<Bound> {
        recipe.stages.iter().find_map(|known| match &known.kind {
            StageRecipeKind::Filter(filter) if known.name == stage => {
                filter.spec.checks_named(check).first().map(|check| filter.bounds[*check])
            }
            _ => None,
        })
    }

    #[test]
    fn every_recipe_has_its_name_and_can_be_planned() {
        for (name, text) in EMBEDDED {
            let recipe = Recipe::parse(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recipe.name, *name);
            Plan::compile(name, &recipe).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn dolma_is_as_published() {
        let recipe = Recipe::parse("dolma", find("dolma").unwrap()).unwrap();
        let name = "gopher_rules__gopher_v1__word_count";
        assert_eq!(bound(&recipe, "dolma_gopher", name), Some(Bound::Between(50.0, 100_000.0)));
        let name = "gopher_rules__gopher_v1__fraction_of_characters_in_most_common_2gram";
        assert_eq!(bound(&recipe, "dolma_gopher", name), Some(Bound::Off));
        assert_eq!(bound(&recipe, "dolma_c4", "curly_brace"), Some(Bound::Off));
    }

    #[test]
    fn limits_of_redpajama_hold_where_they_are_written() {
        let text = find("redpajama2").unwrap();
        let recipe = Recipe::parse("redpajama2", text).unwrap();
        assert_eq!(bound(&recipe, "redpajama2", "odd_word_count"), Some(Bound::Off));
        let limits = text.replace("# [redpajama2]", "[redpajama2]").replace("# rps_", "rps_");
        let recipe = Recipe::parse("redpajama2", &limits).unwrap();
        assert_eq!(bound(&recipe, "redpajama2", "odd_word_count"), Some(Bound::Between(50.0, 10_000.0)));
        assert_eq!(bound(&recipe, "redpajama2", "frequent_2_gram"), Some(Bound::AtMost(0.2)));
    }
}
