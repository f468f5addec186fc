//! Pages, real and hostile.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::disallowed_types)]

mod archive;
mod hostile;
mod hostile_pages;
mod properties;
mod real_pages;
mod token_score;
