//! How an edit reaches every other place that shows it.
//!
//! A service owns aggregates and publishes their **state**: an [`Event`] carries what the aggregate is now and its
//! order `(epoch, version)`. A consumer writes what is newer than what it holds and drops the rest, so duplicates,
//! reordering and coalescing are harmless, and the same event may be sent again at any time.
//!
//! The way of an edit: a trigger names the changed row in the outbox ([`Relay`]), the owner's [`Source`] reads the
//! row's current state, a [`Transport`] carries it (in this process, or through RabbitMQ), the consumer's
//! [`Replica`] writes its copy ([`consumer`]). What cannot be applied is [`parked`]. [`resync()`] sends everything
//! again to one consumer; [`verify()`] compares owner and copy row by row.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod backoff;
pub mod comparisons;
pub mod consumer;
pub mod contracts;
mod epoch;
mod error;
mod event;
mod heartbeat;
pub mod parked;
mod relay;
mod replica;
mod resync;
mod shutdown;
mod source;
mod table_replica;
mod topology;
pub mod transport;
mod verify;

pub use backoff::Backoff;
pub use consumer::Consumer;
pub use epoch::bump_epoch;
pub use error::{ApplyError, RepairError, TransportError};
pub use event::Event;
pub use heartbeat::{HEARTBEAT, publish_heartbeat};
pub use relay::Relay;
pub use replica::{Held, Replica};
pub use resync::resync;
pub use shutdown::{Shutdown, Stop};
pub use source::Source;
pub use table_replica::TableReplica;
pub use topology::Topology;
pub use transport::{Amqp, InProcess, Transport};
pub use verify::{VerifyReport, verify};
