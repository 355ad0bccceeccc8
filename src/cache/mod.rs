//! L1 and the KV record: what is cached, in which form, and for how long it may be served.

pub mod entry;
pub mod freshness;
pub mod memory_cache;
pub mod negative_cache;
pub mod record;
