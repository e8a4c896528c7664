//! The servers Registrar needs, started privately: on free loopback ports, with their files in one folder.
//!
//! Two kinds of callers use this crate. The product's embedded mode keeps its records in a *durable* [`PostgreSql`]
//! inside a data folder; the tests start a throw-away [`PostgreSql`] (durability off), a real [`RabbitMq`], [`Redis`]
//! and [`Nginx`] in temporary folders. Neither ever touches the instances a machine may already run.
//!
//! Nothing outlives the process that started it: a value stops its server when dropped, and a small watchdog
//! process does so when the owner is killed without a chance to drop anything (see [`Child`]). Programs are found, or
//! installed when that is allowed, by [`install`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod child;
mod command;
pub mod install;
mod nginx;
mod port;
mod postgresql;
mod rabbitmq;
mod redis;
mod tools;
mod wait;

pub use child::{Child, Ending, Signal};
pub use install::{InstallPolicy, Programs, ServerKind, ensure, locate};
pub use nginx::Nginx;
pub use port::free_port;
pub use postgresql::{PostgreSql, PostgreSqlOptions};
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use tools::Tool;
