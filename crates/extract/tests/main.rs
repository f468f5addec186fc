//! Pages, real and hostile.
#[allow(dead_code)]
mod archive;
