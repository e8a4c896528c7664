//! Events end to end: real databases, both transports.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod amqp;
mod batches;
mod convergence;
mod faults;
mod figures;
mod operating;
mod parking;
mod relaying;
mod repair;
mod staff;
mod world;
