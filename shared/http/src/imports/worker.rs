//! Applies imports: one at a time per process, chunk by chunk.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel_async::{AsyncConnection, TransactionManager};
use registrar_access::Access;
use registrar_domain::ids::{AccountId, TenantId};
use registrar_store::{Connection, StoreError};

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
    let Some(job) = job else { return Ok(false) };
    let Some(importer) = importers.get(job.resource.as_str()) else { return Ok(false) };
    let ended = work(context, importer, &job).await;
    let reason = match ended {
        Ok(()) => None,
        // The job stays held until its time is up, and goes on from the last chunk.
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => Some(error.to_string()),
    };
    store::finish(&mut *context.db.get().await?, job.id, reason.as_deref(), context.clock.now()).await?;
    Ok(true)
}

async fn work(context: &ServiceContext, importer: &Arc<dyn Importer>, job: &Job) -> Result<(), StoreError> {
    let bytes = job.file.as_deref().unwrap_or_default();
    let contract = validator(importer).map_err(|_| StoreError::State("the import's contract is broken"))?;
    let opened = file::open(bytes, &importer.schema()).map_err(|_| StoreError::State("the file cannot be read"))?;
    let mut rows = opened.rows().skip(usize::try_from(job.done).unwrap_or(0)).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<_> = rows.by_ref().take(importer.chunk()).collect();
        let access = context.authority.access_of(TenantId::from(job.tenant_id), AccountId::from(job.account_id), &job.client, job.request_id).await;
        let access = access.map_err(|refusal| match refusal {
            registrar_access::Refusal::Store(error) => error,
            registrar_access::Refusal::Unauthenticated(_) => StoreError::Forbidden("the account was disabled"),
        })?;
        access.require(importer.action())?;
        apply_chunk(context, importer, &contract, job, &access, chunk).await?;
        context.db.committed();
    }
    Ok(())
}

/// One chunk in one transaction with the job's progress; of a dry run only the progress is kept.
async fn apply_chunk(
    context: &ServiceContext,
    importer: &Arc<dyn Importer>,
    contract: &jsonschema::Validator,
    job: &Job,
    access: &Access,
    chunk: Vec<Result<ImportRow, (i32, String)>>,
) -> Result<(), StoreError> {
    let mut results = Vec::with_capacity(chunk.len());
    let mut readable = Vec::with_capacity(chunk.len());
    for row in chunk {
        match row {
            Ok(row) => readable.push(row),
            Err((line, reason)) => results.push(RowResult::failed(line, "", "unreadable", reason)),
        }
    }
    let sent: HashMap<i32, serde_json::Map<String, serde_json::Value>> = readable.iter().map(|row| (row.line, row.cells.clone())).collect();
    let (good, bad) = checked(contract, readable);
    results.extend(bad);
    let mut conn = context.db.get().await?;
    let conn: &mut Connection = &mut conn;
    Transactions::begin_transaction(conn).await?;
    let outcome = importer.apply(conn, access, good).await;
    let applied = match outcome {
        Ok(applied) => applied,
        Err(error) => {
            Transactions::rollback_transaction(conn).await?;
            return Err(error);
        }
    };
    results.extend(applied);
    if job.dry_run {
        Transactions::rollback_transaction(conn).await?;
        Transactions::begin_transaction(conn).await?;
    }
    let cell = |line: i32, column: &str| {
        let value = sent.get(&line)?.get(column)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned).chars().take(200).collect())
    };
    store::progress(conn, job, &results, &cell, context.clock.now()).await?;
    Transactions::commit_transaction(conn).await?;
    Ok(())
}
