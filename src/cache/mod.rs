//! Cached data: the LRU and entries of L1, the KV record, the negative cache, and the freshness rules.

pub mod edge_lifetime;
pub mod entry;
pub mod freshness;
pub mod memory_cache;
pub(crate) mod negative_cache;
pub mod record;
pub mod tags;
