//! The JSON API: what programs, and the commands of this same program, order of
//! a running station and see of it. Every failure is a [`problem::Problem`].

pub mod batch;
pub mod document;
pub mod event;
pub mod metrics;
pub mod openapi;
pub mod order;
pub mod page;
pub mod problem;
pub mod question;
pub mod report;
pub mod status;
