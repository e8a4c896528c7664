//! A database per test, copied from a template that is migrated once per run.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use diesel::{
    QueryableByName,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_query, sql_types,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::EmbeddedMigrations;
use registrar_store::{Db, DbOptions, migrate};

use crate::Cluster;

/// Any number: the one that all users of a cluster lock while they look for a template or make it.
const TEMPLATE_LOCK: i64 = 0x5265_6769_7374_7261;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A database of one test's own.
pub struct TestDatabase {
    cluster: Arc<Cluster>,
    name: String,
    db: Db,
}

/// Makes a database with `migrations/shared` and `migrations`, by copying the template of that set on the run's
/// cluster. Sets with different migrations may have the same name.
///
/// # Errors
/// When the cluster does not start or a migration fails.
pub async fn database(set: &str, migrations: Vec<EmbeddedMigrations>) -> Result<TestDatabase> {
    TestDatabase::create(Cluster::shared().await?, set, migrations).await
}

impl TestDatabase {
    /// As [`database`], on a certain cluster.
    ///
    /// # Errors
    /// When the cluster does not answer or a migration fails.
    pub async fn create(cluster: Arc<Cluster>, set: &str, migrations: Vec<EmbeddedMigrations>) -> Result<Self> {
        let template = template(&cluster, set, migrations).await?;
        let name = format!("{set}_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = connect(&cluster.url("postgres")).await?;
        let strategy = strategy(&mut conn).await?;
        execute(&mut conn, &format!(r#"create database "{name}" template "{template}"{strategy}"#)).await?;
        let db = Db::open(&cluster.url(&name), &DbOptions { max_connections: 4, ..DbOptions::default() })?;
        Ok(TestDatabase { cluster, name, db })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// A pool of the test's own, apart from that of a service which uses the same database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Removes it, whoever is connected. What nobody removes goes with the cluster.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn remove(self) -> Result<()> {
        let TestDatabase { cluster, name, db } = self;
        drop(db);
        let mut conn = connect(&cluster.url("postgres")).await?;
        execute(&mut conn, &format!(r#"drop database if exists "{name}" with (force)"#)).await
    }
}

/// The name of the set's template, made by whoever asks first among all processes of the run.
async fn template(cluster: &Cluster, set: &str, migrations: Vec<EmbeddedMigrations>) -> Result<String> {
    let name = format!("template_{set}_{:016x}", fingerprint(&migrations)?);
    let mut conn = connect(&cluster.url("postgres")).await?;
    execute(&mut conn, &format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await?;
    let count: Count = sql_query("select count(*) as count from pg_database where datname = $1").bind::<sql_types::Text, _>(&name).get_result(&mut conn).await?;
    if count.count == 0 {
        // Under another name until it is complete, so that an interrupted attempt is never taken for a template.
        let unfinished = format!("{name}_unfinished");
        execute(&mut conn, &format!(r#"drop database if exists "{unfinished}" with (force)"#)).await?;
        execute(&mut conn, &format!(r#"create database "{unfinished}""#)).await?;
        migrated(cluster.url(&unfinished), migrations).await.with_context(|| format!("the migrations of {set}"))?;
        execute(&mut conn, &format!(r#"alter database "{unfinished}" rename to "{name}""#)).await?;
    }
    // The lock ends with the connection.
    Ok(name)
}

/// Migrates on a thread of its own: the migrations of diesel block, which a runtime with one thread does not survive.
async fn migrated(url: String, migrations: Vec<EmbeddedMigrations>) -> Result<()> {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(migrate::run(&url, migrations))?;
        anyhow::Ok(())
    });
    thread.await?
}

/// Changes with the migrations. Their text is not to be had once embedded, so it is their names and the build of the
/// program that they are embedded in.
fn fingerprint(migrations: &[EmbeddedMigrations]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for set in std::iter::once(&migrate::SHARED).chain(migrations) {
        let known: Vec<Box<dyn Migration<Pg>>> = set.migrations().map_err(|error| anyhow::anyhow!("{error}"))?;
        known.iter().for_each(|migration| migration.name().to_string().hash(&mut hasher));
    }
    let program = std::env::current_exe()?;
    let build = program.metadata()?;
    (&program, build.len(), build.modified()?).hash(&mut hasher);
    Ok(hasher.finish())
}

/// How PostgreSQL copies fastest without durability, where it can choose (15 and newer).
async fn strategy(conn: &mut AsyncPgConnection) -> Result<&'static str> {
    let version: Count = sql_query("select current_setting('server_version_num')::bigint as count").get_result(conn).await?;
    Ok(if version.count >= 150_000 { " strategy file_copy" } else { "" })
}

async fn connect(url: &str) -> Result<AsyncPgConnection> {
    AsyncPgConnection::establish(url).await.context("the PostgreSQL of the tests does not answer")
}

async fn execute(conn: &mut AsyncPgConnection, statement: &str) -> Result<()> {
    sql_query(statement).execute(conn).await.with_context(|| statement.to_owned())?;
    Ok(())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}
