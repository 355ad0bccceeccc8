//! Image metadata from memory, Workers KV or the origin: a Cloudflare Worker.
//!
//! Another site or Worker asks for an image's dimensions and format. The fastest layer that has them answers; concurrent
//! requests share one fetch.
//!
//! # In scope
//! Looking up metadata, caching it, reporting how fresh it is and which layer answered, and calculating crops.
//!
//! # Out of scope
//! Resizing or serving images, and requests to any host but the configured origins.
//!
//! # Life of a request
//! ```text
//! src/index.js ─► edge::fast_path ─► http::image ─► memory_layer ─ hit, without a promise ─► response
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
//!                              ├─► origin_layer (L3), then placeholder_layer if there are placeholders
//!                              └─► store in L1 ── complete the flight ─────────────────► response
//!                                      └─ in the background: write KV
//! ```
//!
//! # Modules
//! Each module uses only modules further down. `docs/architecture.md` has all arrows, and a test checks them.
//!
//! | module | contents |
//! |---|---|
//! | `edge` | the Worker, and the only module that knows the runtime; it implements the ports |
//! | [`http`] | [`Routes`](http::Routes): from request to response; error documents; the Inspector |
//! | [`queue`] | the consumer of the queue: events of buckets, messages that purge or warm images |
//! | [`service`] | [`OptimizedMetadataService`]: look-ups, batches and purges; single flight; the three layers; the [`ports`](service::ports) |
//! | [`telemetry`] | events and the log; counters and histograms, and their published names |
//! | [`lookup`] | the result of a look-up: [`Lookup`](lookup::Lookup) or [`LookupError`](lookup::LookupError) |
//! | [`config`] | the settings: types, defaults, keys, ranges, errors; how long old metadata can be returned after a purge |
//! | [`cache`] | the LRU and its entries, the KV record, freshness, the negative cache |
//! | [`origin`] | the origins: which one has a path, requests and signatures, responses, errors with their texts |
//! | [`crop`] | crop parameters, and the rectangle that they select |
//! | [`placeholder`] | makes the ThumbHash and the average color of a tiny PNG, and draws the blurred picture |
//! | [`path`] | the canonical form of a raw path, the query of its version, its cache key and origin URL |
//! | [`image`] | [`ImageMetadata`](image::metadata::ImageMetadata), and the [header readers](image::header), one file a format |
//! | [`text`] | query strings, JSON, hexadecimal, text that is safe to log |
//!
//! # Where to change it
//! - Add a setting: [`config`]. Those of origins are in `config::origins` and `config::access`.
//! - Add an image format: [`image::header`].
//! - Change an error's text: [`origin::error`] for the origin's, `crop::parameter_error` for crop parameters, [`path`] for
//!   paths, [`config`] for settings, `http::problem` for the rest. Codes and titles are in `http::problem_code`.
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
pub mod placeholder;
pub mod queue;
pub mod service;
pub mod telemetry;
pub mod text;

pub use service::OptimizedMetadataService;

#[cfg(target_family = "wasm")]
mod edge;
