//! Any bytes as a file of the input.
#![no_main]

#[path = "../properties/files.rs"]
mod property;

use std::panic::{set_hook, take_hook};

libfuzzer_sys::fuzz_target!(
    init: {
        // The reader catches what Parquet's decoder thinks of damage; libFuzzer would end at it.
        let end = take_hook();
        set_hook(Box::new(move |panic| {
            let is_of = |library| panic.location().is_some_and(|place| place.file().contains(library));
            if !is_of("/parquet-") && !is_of("/arrow-") {
                end(panic);
            }
        }));
    },
    |bytes: &[u8]| property::check(bytes)
);
