//! What the black-box suites stand on: real `registrar` processes, and a client that speaks only HTTP.

mod client;
mod processes;

pub use client::{Answer, Client};
pub use processes::{Mode, Setup, System};
