//! HTTP without a runtime: from the head of a request to a finished answer.

mod admin;
mod answer;
mod cache_status;
mod conditional;
mod cors;
mod problem;
mod request;
mod site;

pub use answer::{Answer, Body};
pub use problem::Problem;
pub use request::{Bindings, Method, Request};
pub use site::{Site, misconfigured};
