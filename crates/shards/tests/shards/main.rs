//! The crate through its public items: every kind of input, cut and parsed; files out and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod cases;
mod crawl;
mod crawl_damage;
mod discovery;
mod parquet;
mod parquet_damage;
mod real;
mod records;
mod support;
mod writing;
