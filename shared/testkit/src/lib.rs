//! What the tests of the services stand on: a private PostgreSQL for the run, a database per test, services started
//! in the test's own process on free ports with a clock that stands still, people with roles, and a client.
//!
//! ```no_run
//! # fn service() -> registrar_http::Service { unimplemented!() }
//! use registrar_access::Role;
//! use registrar_testkit::TestSystem;
//!
//! #[tokio::test]
//! async fn a_head_teacher_sees_the_staff_of_the_school() {
//!     let system = TestSystem::start(vec![service()]).await.unwrap();
//!     let school = system.school("Trường Tiểu học Kim Đồng").await.unwrap();
//!     let head = system.account(Role::HeadTeacher, school).await.unwrap();
//!     system.client_of(&head).get("/v1/staff").await.ok();
//!     system.client().get("/v1/staff").await.problem(401, "unauthenticated");
//! }
//! ```
//!
//! Nothing here depends on what happens to run on a machine. `cargo xtask test` starts the servers once for all test
//! processes and names them in the environment ([`POSTGRES`], [`RABBITMQ`]); without it each process starts its own.

mod answer;
mod api;
mod authority;
mod broker;
mod builder;
mod clock;
mod cluster;
mod database;
mod system;
mod time_limit;

pub use answer::Answer;
pub use api::{Api, Call};
pub use authority::{NewAccount, NewUnit, Superior, TestAccount};
pub use broker::{Broker, RABBITMQ, VirtualHosts};
pub use builder::TestSystemBuilder;
pub use clock::TestClock;
pub use cluster::{Cluster, POSTGRES};
pub use database::{TestDatabase, database};
pub use system::TestSystem;
pub use time_limit::eventually;
