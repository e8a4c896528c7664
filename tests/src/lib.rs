//! What the black-box suites stand on: real `registrar` processes, and a client that speaks only HTTP.

mod client;
mod collector;
mod processes;
mod wait;

pub use client::{Answer, Client};
pub use collector::{Collector, hexadecimal};
pub use processes::{Mode, ROLE, Setup, System};
pub use wait::until;
