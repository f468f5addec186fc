//! What holds for any text read as a recipe.

use plan::{Plan, Recipe, resolved};

/// An error says what and where; a recipe written out whole is the same recipe, and becomes a plan or an error.
pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    match Recipe::parse("recipe.toml", text) {
        Err(error) => {
            assert!(!error.message.is_empty() && error.line <= text.split('\n').count(), "{error:?}");
        }
        Ok(recipe) => {
            let whole = resolved::to_toml(&recipe);
            match Recipe::parse("whole.toml", &whole) {
                Ok(again) => assert_eq!(resolved::to_toml(&again), whole),
                Err(error) => unreachable!("{error}\n{whole}"),
            }
            if let Err(error) = Plan::compile("recipe.toml", &recipe) {
                assert!(!error.message.is_empty() && error.line <= text.split('\n').count(), "{error:?}");
            }
        }
    }
}
