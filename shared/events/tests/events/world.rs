//! An owner and a consumer with a database each, and what runs between them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::{QueryableByName, sql_query, sql_types as sql};
use diesel_async::RunQueryDsl;
use registrar_events::{Consumer, Relay, Replica, Source, Stop, Topology, Transport};
use registrar_servers::PostgreSql;
use registrar_store::{Db, DbOptions, migrate};
use tokio::{sync::OnceCell, task::JoinHandle, time::Instant};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use crate::staff::{COPY, OWNER, STAFF, StaffReplica, StaffSource};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(180);

static CLUSTER: OnceCell<PostgreSql> = OnceCell::const_new();
static NUMBER: AtomicU64 = AtomicU64::new(0);

pub async fn cluster() -> &'static PostgreSql {
    CLUSTER.get_or_init(|| async { prepare(PostgreSql::start_throw_away().await.unwrap()).await }).await
}

/// A cluster with the templates `owner` and `copy`.
pub async fn prepare(cluster: PostgreSql) -> PostgreSql {
    // Shown with a failed test; RUST_LOG chooses. A second start of it in this process is refused, which is right.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,registrar_events=debug"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    for (name, tables) in [("owner", OWNER), ("copy", COPY)] {
        cluster.create_database(name).await.unwrap();
        migrate::run(&cluster.url(name), Vec::new()).await.unwrap();
        PostgreSql::execute(&cluster, name, tables).await.unwrap();
    }
    cluster
}

pub fn topology() -> Topology {
    Topology { consumers: vec![("students".to_owned(), vec![STAFF.to_owned()])] }
}

/// The databases; relay and consumer are started by the test.
pub struct World {
    pub owner: Db,
    pub consumer: Consumer,
}

impl World {
    pub async fn new() -> Self {
        World::on(cluster().await).await
    }

    pub async fn on(cluster: &PostgreSql) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (owner, copy) = (format!("owner_{number}"), format!("copy_{number}"));
        cluster.create_database_from_template(&owner, "owner").await.unwrap();
        cluster.create_database_from_template(&copy, "copy").await.unwrap();
        let options = DbOptions { max_connections: 4, ..DbOptions::default() };
        let open = |name: &str| Db::open(&cluster.url(name), &options).unwrap();
        let replicas: Vec<Arc<dyn Replica>> = vec![Arc::new(StaffReplica)];
        World { owner: open(&owner), consumer: Consumer::new("students", open(&copy), replicas) }
    }

    pub fn start_relay(&self, transport: &Transport) -> Running {
        self.start_relay_of(vec![Arc::new(StaffSource)], transport)
    }

    pub fn start_relay_of(&self, sources: Vec<Arc<dyn Source>>, transport: &Transport) -> Running {
        let relay = Relay { service: "personnel", db: self.owner.clone(), sources, transport: transport.clone() };
        let (stop, shutdown) = Stop::new();
        Running { stop, task: tokio::spawn(relay.run(shutdown)) }
    }

    pub fn start_consumer(&self, transport: &Transport) -> Running {
        let (stop, shutdown) = Stop::new();
        Running { stop, task: tokio::spawn(self.consumer.clone().run(transport.clone(), shutdown)) }
    }

    pub async fn hire(&self, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        let insert = sql_query("insert into staff (id, tenant_id, full_name) values ($1, $1, $2)");
        insert.bind::<sql::Uuid, _>(id).bind::<sql::Text, _>(name).execute(&mut self.owner.get().await.unwrap()).await.unwrap();
        self.owner.committed();
        id
    }

    /// Hires so many at once.
    pub async fn hire_many(&self, count: i64) {
        execute(&self.owner, &format!("insert into staff (id, tenant_id, full_name) select gen_random_uuid(), gen_random_uuid(), 'n' || n from generate_series(1, {count}) n"))
            .await;
        self.owner.committed();
    }

    pub async fn rename(&self, id: Uuid, name: &str) {
        let update = sql_query("update staff set full_name = $2 where id = $1");
        update.bind::<sql::Uuid, _>(id).bind::<sql::Text, _>(name).execute(&mut self.owner.get().await.unwrap()).await.unwrap();
        self.owner.committed();
    }

    /// What the copy calls this member of staff.
    pub async fn name(&self, id: Uuid) -> Option<String> {
        text(&self.consumer.db, &format!("select full_name as value from staff_copy where id = '{id}'")).await
    }

    pub async fn outbox(&self) -> i64 {
        number(&self.owner, "select count(*) as value from outbox").await
    }

    pub async fn copies(&self) -> i64 {
        number(&self.consumer.db, "select count(*) as value from staff_copy").await
    }

    pub async fn wait_for_name(&self, id: Uuid, name: &str) {
        eventually("the name in the copy", || async { self.name(id).await.as_deref() == Some(name) }).await;
    }
}

/// A loop that a test started.
pub struct Running {
    stop: Stop,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn stop(self) {
        self.stop.stop();
        self.task.await.unwrap();
    }

    /// Ends it wherever it is, as when its process is killed.
    pub fn abort(self) {
        self.task.abort();
    }
}

/// Looks every 10 ms until it is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < end, "still not after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql::BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql::Text)]
    value: String,
}

pub async fn number(db: &Db, query: &str) -> i64 {
    sql_query(query).get_result::<Number>(&mut db.get().await.unwrap()).await.unwrap().value
}

pub async fn text(db: &Db, query: &str) -> Option<String> {
    let rows: Vec<Text> = sql_query(query).load(&mut db.get().await.unwrap()).await.unwrap();
    rows.into_iter().next().map(|row| row.value)
}

pub async fn execute(db: &Db, statement: &str) {
    sql_query(statement).execute(&mut db.get().await.unwrap()).await.unwrap();
}
