//! HTTP without a runtime: from the head of a request to a finished answer.

mod admin;
mod answer;
mod batch;
mod cache_status;
mod conditional;
mod cors;
mod headers;
mod image;
mod inspector;
mod problem;
mod purge;
mod request;
mod site;

pub use answer::{Answer, Body};
pub use headers::Headers;
pub use image::Told;
pub use problem::Problem;
pub use request::{Bindings, MAX_BODY_BYTES, Method, Received, Request};
pub use site::{Site, misconfigured};
