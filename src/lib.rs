//! Image metadata from memory, Workers KV or the origin.

#[cfg(target_family = "wasm")]
mod edge;
