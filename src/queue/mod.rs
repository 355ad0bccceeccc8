//! The queue consumer: events of R2 buckets, and requests to purge or to warm images.
//!
//! Messages arrive at least once and in any order. So what counts is the object as it is now: an event only says that it may have
//! changed.

mod consumer;
mod message;
mod plan;

pub use consumer::{Delivery, Handled, consume};
pub use message::repeated_purge;
