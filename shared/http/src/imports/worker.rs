//! Applies imports: one at a time per process, chunk by chunk.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel_async::{AsyncConnection, TransactionManager};
use registrar_access::Access;
use registrar_domain::ids::{AccountId, TenantId};
use registrar_store::{Connection, StoreError};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{ImportRow, Importer, RowResult, checked, file, store, store::Job, validator};
use crate::ServiceContext;

type Transactions = <Connection as AsyncConnection>::TransactionManager;

/// How often an idle worker looks for jobs.
const IDLE: Duration = Duration::from_millis(200);

/// Works on this service's imports until the task is dropped.
pub async fn run(context: ServiceContext, importers: Vec<Arc<dyn Importer>>) {
    let importers: HashMap<&'static str, Arc<dyn Importer>> = importers.into_iter().map(|importer| (importer.resource(), importer)).collect();
    let resources: Vec<&'static str> = importers.keys().copied().collect();
    loop {
        match next(&context, &importers, &resources).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(IDLE).await,
            Err(error) => {
                tracing::warn!(%error, "imports wait");
                tokio::time::sleep(IDLE * 10).await;
            }
        }
    }
}

/// Takes and finishes one job; false when there is none.
async fn next(context: &ServiceContext, importers: &HashMap<&'static str, Arc<dyn Importer>>, resources: &[&'static str]) -> Result<bool, StoreError> {
    let job = store::take(&mut *context.db.get().await?, resources, context.clock.now()).await?;
    let Some(mut job) = job else { return Ok(false) };
    let Some(importer) = importers.get(job.resource.as_str()) else { return Ok(false) };
    let reason = match work(context, importer, &mut job).await {
        Ok(()) => None,
        // The job stays held until its time is up, and goes on from the last chunk.
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            tracing::error!(import = %job.id, %error, "an import failed");
            Some(reason(&error))
        }
    };
    store::finish(&mut *context.db.get().await?, &job, reason.as_deref(), context.clock.now()).await?;
    Ok(true)
}

/// What is told of an error: nothing that the database said.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Forbidden(_) | StoreError::State(_) => error.to_string(),
        _ => "something went wrong on our side; quote the import's id".to_owned(),
    }
}

/// Applies what is left of a job, until its end or until another process has taken it over.
async fn work(context: &ServiceContext, importer: &Arc<dyn Importer>, job: &mut Job) -> Result<(), StoreError> {
    let (sender, mut chunks) = mpsc::channel(1);
    let (reading, file, done) = (importer.clone(), job.file.take().unwrap_or_default(), job.done);
    // Ends with `chunks`, which it cannot send to any more.
    let reader = tokio::task::spawn_blocking(move || read(&reading, &file, done, &sender));
    while let Some(chunk) = chunks.recv().await {
        let access = context.authority.access_of(TenantId::from(job.tenant_id), AccountId::from(job.account_id), &job.client, job.request_id).await;
        let access = access.map_err(|refusal| match refusal {
            registrar_access::Refusal::Store(error) => error,
            registrar_access::Refusal::Unauthenticated(_) => StoreError::Forbidden("the account was disabled"),
        })?;
        access.require(importer.action())?;
        let Some(done) = apply_chunk(context, importer, job, &access, chunk).await? else {
            tracing::warn!(import = %job.id, "another process goes on with an import");
            return Ok(());
        };
        job.done = done;
        context.db.committed();
    }
    reader.await.unwrap_or(Err(StoreError::Broken("the file cannot be read")))
}

/// Rows that become one transaction.
struct Chunk {
    /// Those that keep the published contract.
    good: Vec<ImportRow>,
    /// What became of the others.
    refused: Vec<RowResult>,
    /// What was sent, by line.
    sent: HashMap<i32, Map<String, Value>>,
}

/// Reads a file from the row after `done` and checks its rows: too much work for a thread that others wait for.
fn read(importer: &Arc<dyn Importer>, file: &[u8], done: i32, chunks: &mpsc::Sender<Chunk>) -> Result<(), StoreError> {
    let contract = validator(importer).map_err(|_| StoreError::Broken("the import's contract is broken"))?;
    let opened = file::open(file, &importer.schema()).map_err(|_| StoreError::Broken("the file cannot be read"))?;
    let mut rows = opened.rows().skip(usize::try_from(done).unwrap_or(0)).peekable();
    while rows.peek().is_some() {
        let (mut readable, mut refused) = (Vec::new(), Vec::new());
        for row in rows.by_ref().take(importer.chunk()) {
            match row {
                Ok(row) => readable.push(row),
                Err((line, reason)) => refused.push(RowResult::failed(line, "", "unreadable", reason)),
            }
        }
        let sent = readable.iter().map(|row| (row.line, row.cells.clone())).collect();
        let (good, bad) = checked(&contract, readable);
        refused.extend(bad);
        if chunks.blocking_send(Chunk { good, refused, sent }).is_err() {
            break;
        }
    }
    Ok(())
}

/// One chunk in one transaction with the job's progress; of a dry run only the progress is kept. Answers how many rows
/// have been tried; none, and nothing is kept, when another process has taken the job over.
async fn apply_chunk(context: &ServiceContext, importer: &Arc<dyn Importer>, job: &Job, access: &Access, chunk: Chunk) -> Result<Option<i32>, StoreError> {
    let mut conn = context.db.get().await?;
    let conn: &mut Connection = &mut conn;
    Transactions::begin_transaction(conn).await?;
    let progressed = in_transaction(conn, context, importer, job, access, chunk).await;
    match progressed {
        Ok(Some(_)) => Transactions::commit_transaction(conn).await?,
        Ok(None) | Err(_) => Transactions::rollback_transaction(conn).await?,
    }
    progressed
}

async fn in_transaction(
    conn: &mut Connection,
    context: &ServiceContext,
    importer: &Arc<dyn Importer>,
    job: &Job,
    access: &Access,
    chunk: Chunk,
) -> Result<Option<i32>, StoreError> {
    let Chunk { good, refused: mut results, sent } = chunk;
    results.extend(importer.apply(conn, access, good).await?);
    if job.dry_run {
        Transactions::rollback_transaction(conn).await?;
        Transactions::begin_transaction(conn).await?;
    }
    let cell = |line: i32, column: &str| {
        let value = sent.get(&line)?.get(column)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned).chars().take(200).collect())
    };
    store::progress(conn, job, &results, &cell, context.clock.now()).await
}
