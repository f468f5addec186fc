//! Tests that keep the house: see `tests/`.
