//! Image metadata from memory, Workers KV or the origin: a Cloudflare Worker.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod config;
pub mod entry;
pub mod failure;
pub mod failure_memory;
pub mod flight;
pub mod freshness;
mod leader;
pub mod log;
pub mod memory_cache;
pub mod metadata;
pub mod origin;
pub mod path;
pub mod ports;
pub mod record;
pub mod service;

pub use service::OptimizedMetadataService;

#[cfg(target_family = "wasm")]
mod edge;
