//! Image metadata from memory, Workers KV or the origin: a Cloudflare Worker.
//!
//! Another site or Worker asks how large an image is and in what format, and gets the answer from
//! the fastest layer that knows it. However many ask at once, the next layer is asked once.
//!
//! # Life of a request
//! ```text
//! request ─► http::Routes ─► path ─► service ─► L1 memory_cache ── fresh, or stale enough ──► answer
//!                                       │ miss
//!                                       ▼
//!                                flight: under way? ── follow it ──────────────────────────► answer
//!                                       │ no: lead it, outliving the request
//!                                       ▼
//!                        leader: L1 again ─► L2 KV (record) ─► L3 origin ─► keep in L1 ─────► answer
//!                                                                                └─ behind it: KV
//! ```
//!
//! # In scope
//! Looking metadata up, keeping it, and saying how fresh it is and where it came from.
//!
//! # Out of scope
//! Resizing or serving images; asking anything but the configured origin.
//!
//! # Where things are
//! - What is told: a [`lookup`] of [`metadata`], under a [`path`], or a [`failure`].
//! - The layers: [`memory_cache`] of [`entry`]s, the [`record`] that KV holds, the [`origin`]'s reply. Of an image itself
//!   the [`head`] is read, within a [`prefix_budget`], and the [`image_header`] in it.
//! - The rules between them: [`freshness`], the [`flight`] that a `leader` brings to its `landing`, [`negative_cache`].
//! - What is shown of an image: the [`crop`] that [`crop_params`] of a [`query`] or of JSON ask for, by an
//!   [`aspect_ratio`] and a [`focal_point`], in [`decimal`]s.
//! - Many at once: `batch`, whose flights form a `convoy`. Forgetting: [`purge`].
//! - The whole: [`service`], on the [`ports`] of a runtime, set up by a [`config`], telling the [`log`], in which
//!   [`user_text`] is encoded and cut.
//! - How it does: [`metrics`] of [`histogram`]s, published as a [`report`], by [`isolate`].
//! - HTTP around it, and a page to look at it all, the Inspector: [`http`]. The Worker around that: `edge`, the only
//!   module that knows the runtime. What memory knows takes a short way there: `src/index.js`, then `edge::fast_path`.
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
