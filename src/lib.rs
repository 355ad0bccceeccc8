//! Image metadata from memory, Workers KV or the origin: a Cloudflare Worker.
//!
//! Another site or Worker asks for an image's dimensions and format. The fastest layer that has them answers; concurrent
//! requests share one fetch.
//!
//! # In scope
//! Looking up metadata, caching it, reporting how fresh it is and which layer answered, and calculating crops.
//!
//! # Out of scope
//! Resizing or serving images, and requests to any host but the configured origin.
//!
//! # Life of a request
//! ```text
//! src/index.js ─► edge::fast_path     a memory hit answers here, in one synchronous call
//!      │ else
//! edge::handler ─► http::routes ─► http::image ─► path ─► service::get
//!                                                           │
//!                            memory_layer (L1) ◄────────────┤ hit ──────────────────────► response
//!                                                           │ miss
//!                            single_flight: join ◄──────────┤ follow ── its outcome ────► response
//!                                                           │ lead
//!                            fetch ◄────────────────────────┘
//!                              ├─► memory_layer again
//!                              ├─► kv_layer (L2)
//!                              ├─► origin_layer (L3)
//!                              └─► store in L1 ── complete the flight ─────────────────► response
//!                                      └─ in the background: write KV
//! ```
//!
//! # Modules
//! Each room uses only rooms below it. A test holds the [picture](../docs/architecture.md#modules) against the code.
//!
//! | room | contents |
//! |---|---|
//! | `edge` | the Worker: the only room that knows the runtime; each port in a file of its own |
//! | [`http`] | [`Routes`](http::Routes): requests to responses; error documents; the Inspector |
//! | [`service`] | [`OptimizedMetadataService`]: `get`, `batch`, `purge`; single flight; the three layers; the [`ports`](service::ports) |
//! | [`telemetry`] | events and the log; counters, histograms and their published names |
//! | [`lookup`] | [`Lookup`](lookup::Lookup) and [`LookupError`](lookup::LookupError): the result of a look-up |
//! | [`cache`] | the LRU and its entries, the KV record, freshness, the negative cache |
//! | [`origin`] | the origin's response and its errors with their texts |
//! | [`crop`] | crop parameters and the rectangle that they select |
//! | [`config`] | the settings: types, defaults, keys, ranges, errors |
//! | [`image`] | [`ImageMetadata`](image::metadata::ImageMetadata), and the [header readers](image::header), one file a format |
//! | [`path`] | a raw path to its canonical form, cache key and origin URL |
//! | [`text`] | query strings, JSON numbers, text that is safe to log |
//!
//! # Where to change it
//! - Add a setting: [`config`].
//! - Add an image format: [`image::header`].
//! - Change an error's text: [`origin::error`] for the origin's, `http::problem` for all others.
//! - Change what is purged: `service::purge`; the deletion from KV: `service::kv_layer`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod cache;
pub mod config;
pub mod crop;
pub mod http;
pub mod image;
pub mod lookup;
pub mod origin;
pub mod path;
pub mod service;
pub mod telemetry;
pub mod text;

pub use service::OptimizedMetadataService;

#[cfg(target_family = "wasm")]
mod edge;
