//! The log and the metrics of one isolate.

pub mod event;
pub mod families;
pub mod histogram;
pub mod isolate;
pub mod log;
pub mod metrics;
