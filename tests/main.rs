//! What a user sees: the binary, run on real and on hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "train")]
mod ablate;
mod against;
mod apply;
mod catalogue;
mod classifier;
mod clean;
mod columns;
mod crawl;
mod datatrove;
mod demo;
mod determinism;
mod diff;
mod evaluation_sets;
mod every_filter;
mod explain_texts;
mod export;
mod failing;
#[cfg(feature = "train")]
mod forecast;
mod hostile;
#[cfg(feature = "stores")]
mod hub;
mod mix;
#[cfg(feature = "train")]
mod models;
mod near_duplicates;
mod page;
#[cfg(feature = "train")]
mod planted;
#[cfg(feature = "stores")]
mod ranges;
mod readers;
mod readme;
mod reapply;
mod recipes;
mod repair;
mod repeats;
mod resume;
#[cfg(feature = "serve")]
mod serve;
mod sharded;
#[cfg(feature = "stores")]
mod store_servers;
#[cfg(feature = "stores")]
mod store_stage;
#[cfg(feature = "stores")]
mod stores;
mod support;
#[cfg(feature = "train")]
mod train;
mod url_dedup;
mod what_if;
