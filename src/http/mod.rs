//! HTTP without a runtime: turns requests into responses.
//!
//! ```text
//! routes ─► the handlers: image, batch, purge, health, inspector, openapi, prometheus, stats
//!        ─► site (the service, and what is recorded of a request), admin, problem
//!        ─► request, response, and the headers: cache_status, conditional, cors, server_timing
//! ```

mod admin;
mod batch;
mod cache_headers;
mod cache_status;
mod client_address;
mod conditional;
mod cors;
mod data_point;
mod extras;
mod headers;
mod health;
mod image;
mod inspector;
mod openapi;
mod placeholder_error;
mod problem;
mod problem_code;
mod prometheus;
mod purge;
mod request;
mod response;
mod routes;
mod server_timing;
mod site;
mod stats;
mod text;

pub use client_address::client_to_charge;
pub use data_point::Dataset;
pub use extras::Extras;
pub use headers::Headers;
pub use problem::Problem;
pub use problem_code::ProblemCode;
pub use request::{Bindings, Method, Request, RequestBody};
pub use response::{Body, Response};
pub use routes::{Routes, misconfigured};
