//! The service: look-ups through the layers, batches and purges.

mod batch;
mod batch_scope;
mod fetch;
mod fetch_outcome;
mod join;
mod kv_layer;
mod memory_lookup;
pub mod ports;
pub mod purge;
mod semaphore;
pub mod single_flight;
mod state;

pub use memory_lookup::Recall;
pub use state::OptimizedMetadataService;
