//! Services running in the test's process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::token::KeyPair;
use registrar_domain::ids::{TenantId, UnitId};
use registrar_events::Event;
use registrar_http::Service;
use registrar_runtime::Running;
use registrar_servers::{RabbitMq, Redis};
use registrar_store::Db;
use tokio::{runtime::Runtime, time::timeout};
use uuid::Uuid;

use crate::{Api, Cluster, TestClock, TestDatabase, TestSystemBuilder, broker::Broker, eventually};

/// What services know each other by, and encrypt with.
pub(crate) const SECRET: &str = "the secret of the tests, known to everyone";
/// The service whose tables are the facts of authority.
pub(crate) const IDENTITY: &str = "identity";
/// How long an orderly end may take.
const STOP: Duration = Duration::from_secs(15);

/// Services running in the test's process, with databases of their own, on free ports. They run on threads of their
/// own, so that a test may be a plain `#[tokio::test]`, and end when the value is dropped.
pub struct TestSystem {
    pub(crate) running: Option<Running>,
    pub(crate) databases: BTreeMap<String, TestDatabase>,
    pub(crate) broker: Option<Broker>,
    pub(crate) redis: Option<Redis>,
    pub(crate) runtime: OwnRuntime,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) clock: TestClock,
    pub(crate) client: Api,
    pub(crate) key: Arc<KeyPair>,
    /// The tenant of each unit that was added.
    pub(crate) tenants: Mutex<HashMap<UnitId, TenantId>>,
    pub(crate) root: TenantId,
    pub(crate) last_id: AtomicU64,
}

impl TestSystem {
    /// How to start these services, with events within the process unless said otherwise.
    pub fn builder(services: Vec<Service>) -> TestSystemBuilder {
        TestSystemBuilder::new(services)
    }

    /// Starts these services, with events within the process.
    ///
    /// # Errors
    /// When a server or a service does not start.
    pub async fn start(services: Vec<Service>) -> Result<Self> {
        Self::builder(services).start().await
    }

    /// The public base URL, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.running().base_url()
    }

    /// A client of the public port without a token.
    #[must_use]
    pub fn client(&self) -> Api {
        self.client.clone()
    }

    /// A client of the internal port.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn internal_client(&self) -> Result<Api> {
        Api::new(self.running().internal_url())
    }

    /// The secret the services share.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// The clock of all services.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// A service's database, through a pool of the test's own.
    ///
    /// # Panics
    /// When the service is not one of this system's.
    #[track_caller]
    #[must_use]
    #[allow(clippy::panic, reason = "a mistake in the test")]
    pub fn db(&self, service: &str) -> &Db {
        match self.databases.get(service) {
            Some(database) => database.db(),
            None => panic!("{service} is not among {:?}", self.databases.keys()),
        }
    }

    /// The databases of all services.
    pub(crate) fn dbs(&self) -> impl Iterator<Item = (&str, &Db)> {
        self.databases.iter().map(|(service, database)| (service.as_str(), database.db()))
    }

    /// A service's database by its address, for a second process.
    #[must_use]
    pub fn database_url(&self, service: &str) -> Option<String> {
        self.databases.get(service).map(TestDatabase::url)
    }

    /// What runs.
    #[must_use]
    #[allow(clippy::expect_used, reason = "it is taken only by stop and drop")]
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("running until it is stopped")
    }

    /// The broker of this system's own, to stop, kill and start again.
    pub fn broker(&mut self) -> Option<&mut RabbitMq> {
        match &mut self.broker {
            Some(Broker::Own(broker)) => Some(broker),
            _ => None,
        }
    }

    /// The Redis of this system, to stop, kill and start again.
    pub fn redis(&mut self) -> Option<&mut Redis> {
        self.redis.as_mut()
    }

    /// The PostgreSQL with this system's databases.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// An id that no other record of this system has, the same in each run of a test that does things in the same order.
    pub fn new_id(&self) -> Uuid {
        numbered(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Hands events to one service, as if their owner had published them, and waits until they are applied or parked.
    ///
    /// # Errors
    /// When the service is not in the topology or does not settle them in time.
    pub async fn deliver(&self, service: &str, events: &[Event]) -> Result<()> {
        let (transport, service, events) = (self.running().transport().clone(), service.to_owned(), events.to_vec());
        let settled = self.runtime.get()?.spawn(async move { transport.send_to(&service, &events).await }).await??;
        anyhow::ensure!(settled.iter().all(|settled| *settled), "not all events were settled: {settled:?}");
        Ok(())
    }

    /// Waits until nothing is left to be published: in-process, every consumer has applied it then.
    ///
    /// # Panics
    /// When that takes over 20 s.
    #[track_caller]
    pub fn settled(&self) -> impl Future<Output = ()> {
        // Twice, since what one service is told may make it publish in turn.
        eventually(Duration::from_secs(20), move || async move { self.nothing_to_publish().await && self.nothing_to_publish().await })
    }

    async fn nothing_to_publish(&self) -> bool {
        for (_, db) in self.dbs() {
            if !matches!(count(db, "select count(*) as count from outbox").await, Ok(0)) {
                return false;
            }
        }
        true
    }

    /// The events that a service could not apply: aggregate and reason.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn parked(&self, service: &str) -> Result<Vec<(String, String)>> {
        let rows: Vec<Parked> = sql_query("select aggregate, reason from parked order by parked_at").load(&mut self.db(service).get().await?).await?;
        Ok(rows.into_iter().map(|row| (row.aggregate, row.reason)).collect())
    }

    /// Stops the services in order and removes their databases; dropping does the same and tells no errors.
    ///
    /// # Errors
    /// When they do not end in time or the databases cannot be removed.
    pub async fn stop(mut self) -> Result<()> {
        let end = self.end();
        // Not as part of the test's own runtime: the pools' connections belong to the system's.
        tokio::task::spawn_blocking(move || end.map_or(Ok(()), End::run)).await?
    }

    /// What is to be ended, once.
    fn end(&mut self) -> Option<End> {
        let running = self.running.take()?;
        let databases = std::mem::take(&mut self.databases).into_values().collect();
        Some(End { runtime: self.runtime.0.take()?, running, databases })
    }
}

impl Drop for TestSystem {
    fn drop(&mut self) {
        if let Some(end) = self.end() {
            // A runtime cannot be waited for on a thread of another.
            let _ = std::thread::spawn(move || end.run()).join();
        }
    }
}

/// The parts of a system that has to end.
struct End {
    runtime: Runtime,
    running: Running,
    databases: Vec<TestDatabase>,
}

impl End {
    fn run(self) -> Result<()> {
        let End { runtime, running, databases } = self;
        let ended = runtime.block_on(async {
            timeout(STOP, running.stop()).await.context("the services did not end in time")?;
            for database in databases {
                database.remove().await?;
            }
            anyhow::Ok(())
        });
        runtime.shutdown_background();
        ended
    }
}

/// A runtime that may be dropped on a thread of another one.
pub(crate) struct OwnRuntime(pub(crate) Option<Runtime>);

impl OwnRuntime {
    pub(crate) fn get(&self) -> Result<&Runtime> {
        self.0.as_ref().context("the system was stopped")
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// An id of version 7 that is the same in each run.
pub(crate) fn numbered(number: u64) -> Uuid {
    Uuid::from_u128(0x0199_4ad0_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

async fn count(db: &Db, query: &str) -> Result<i64> {
    let row: Count = sql_query(query).get_result(&mut db.get().await?).await?;
    Ok(row.count)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Parked {
    #[diesel(sql_type = sql_types::Text)]
    aggregate: String,
    #[diesel(sql_type = sql_types::Text)]
    reason: String,
}
