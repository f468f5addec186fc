//! What a user sees: the binary, run on real and on hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod against;
mod apply;
mod catalogue;
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
mod failing;
mod hostile;
#[cfg(feature = "stores")]
mod hub;
#[cfg(feature = "train")]
mod models;
mod near_duplicates;
mod page;
#[cfg(feature = "stores")]
mod ranges;
mod readers;
mod readme;
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
