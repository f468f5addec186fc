//! Any bytes as a file of the input.
#![no_main]

#[path = "../properties/files.rs"]
mod property;

use std::panic::{set_hook, take_hook};

libfuzzer_sys::fuzz_target!(
    init: {
        // The reader catches what Parquet's decoder and what it stands on think of damage; what nobody catches ends all
        // the same.
        let end = take_hook();
        set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|place| place.file().contains("/registry/")) {
                end(panic);
            }
        }));
    },
    |bytes: &[u8]| property::check(bytes)
);
