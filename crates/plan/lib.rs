//! A recipe is what a person writes, a plan is what a machine runs on one batch.
//!
//! **Invariant:** `plan` never sees a file, a thread or a clock: text of recipes and lists, and the
//! clock that times stages, are passed in.

pub mod adjust;
pub mod columns;
pub mod draw;
pub mod error;
pub mod explain;
pub mod keep;
pub mod minhash;
mod mix;
mod page;
pub mod parser;
pub mod plan;
pub mod recall;
pub mod recipe;
pub mod recipes;
pub mod redecide;
pub mod repeated;
pub mod resolved;
pub mod sections;
mod signer;
pub mod sweep;
mod swept;
pub mod url_dedup;

pub use columns::{ColumnRecipe, Sidecar};
pub use error::RuleError;
pub use explain::{Explained, Mark};
pub use keep::{ColumnKind, Keep};
pub use minhash::{Carried, Minhash, VerifyBy};
pub use mix::{Mix, MixBy};
pub use page::{FailedCheck, PageVerdict};
pub use plan::{FilterStage, Plan, Stage, StageKind};
pub use recall::{Known, Recall, Remembered};
pub use recipe::{FilterRecipe, Recipe, StageRecipe, StageRecipeKind};
pub use redecide::{Facts, Obstacle, Redecide, Redecided};
pub use repeated::{Part, Repeated};
pub use sweep::{Rejected, Scratch, SweepOptions};
pub use swept::{Flags, Near, Signed, Swept};
pub use url_dedup::UrlDedup;
