//! The service: look-ups through the layers, batches and purges.
//!
//! ```text
//! batch ─► get ─► fetch ─► kv_layer, origin_layer ─► memory_layer ─► state ─► single_flight
//! purge ────────────────► kv_layer
//!                                    origin_layer ─► placeholder_layer
//! ```

mod batch;
mod batch_scope;
mod fetch;
mod fetch_outcome;
mod flight;
mod get;
mod join_all;
mod kv_layer;
mod kv_writes;
mod memory_layer;
mod origin_layer;
pub mod picture;
mod placeholder_layer;
pub mod ports;
mod purge;
mod read_again;
mod semaphore;
mod single_flight;
mod state;
mod target;
mod trigger;

pub(crate) use join_all::join_all;
pub use purge::{PurgeError, Purged};
pub use state::OptimizedMetadataService;
