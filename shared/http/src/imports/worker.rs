//! Applies imports: one at a time per process, chunk by chunk.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel_async::{AsyncConnection, TransactionManager};
use registrar_access::Access;
use registrar_domain::{
    Locale,
    ids::{AccountId, TenantId},
};
use registrar_spreadsheets as spreadsheets;
use registrar_store::{Connection, Json, StoreError};
use tokio::sync::mpsc;

use super::{
    ImportMode, ImportRow, Importer, Outcome, RowResult, breaker, limits, store,
    store::{End, Job, Sent},
};
use crate::{FieldError, ServiceContext};

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
    let end = match work(context, importer, &mut job).await {
        Ok(Some(end)) => end,
        Ok(None) => {
            tracing::warn!(import = %job.id, "another process goes on with an import");
            return Ok(true);
        }
        // The job stays held until its time is up, and goes on from the last chunk.
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            tracing::error!(import = %job.id, %error, "an import failed");
            End::Failed(reason(&error))
        }
    };
    store::finish(&mut *context.db.get().await?, &job, end, context.clock.now()).await?;
    Ok(true)
}

/// What is told of an error: nothing that the database said.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Forbidden(_) | StoreError::State(_) => error.to_string(),
        _ => "something went wrong on our side; quote the import's id".to_owned(),
    }
}

/// Applies what is left of a job; none when another process has taken it over.
async fn work(context: &ServiceContext, importer: &Arc<dyn Importer>, job: &mut Job) -> Result<Option<End>, StoreError> {
    let (sender, mut chunks) = mpsc::channel(1);
    let file = store::file(&mut *context.db.get().await?, job.id).await?.ok_or(StoreError::State("the file is not there any more; send it again"))?;
    let (reading, done) = (importer.clone(), job.done);
    let locale = Locale::from_tag(&job.locale).unwrap_or_default();
    // Ends with `chunks`, which it cannot send to any more.
    let reader = tokio::task::spawn_blocking(move || read(reading.as_ref(), &file, done, locale, &sender));
    let end = match job.mode {
        ImportMode::AllOrNothing => at_once(context, importer.as_ref(), job, &mut chunks).await?,
        _ => by_chunks(context, importer.as_ref(), job, &mut chunks).await?,
    };
    drop(chunks);
    reader.await.unwrap_or(Err(StoreError::Broken("the file cannot be read")))?;
    Ok(end)
}

/// Who sent the file, as of now.
async fn sender_of(context: &ServiceContext, importer: &dyn Importer, job: &Job) -> Result<Access, StoreError> {
    let access = context.authority.access_of(TenantId::from(job.tenant_id), AccountId::from(job.account_id), &job.client, job.request_id).await;
    let access = access.map_err(|refusal| match refusal {
        registrar_access::Refusal::Store(error) => error,
        registrar_access::Refusal::Unauthenticated(_) => StoreError::Forbidden("the account was disabled"),
    })?;
    access.require(importer.action())?;
    Ok(access)
}

/// Each chunk is a transaction of its own; of a dry run only the report is kept.
async fn by_chunks(context: &ServiceContext, importer: &dyn Importer, job: &mut Job, chunks: &mut mpsc::Receiver<Chunk>) -> Result<Option<End>, StoreError> {
    let mut held_for = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        let access = sender_of(context, importer, job).await?;
        let mut conn = context.db.get().await?;
        let conn: &mut Connection = &mut conn;
        Transactions::begin_transaction(conn).await?;
        let applied = apply(conn, context, importer, job, &access, chunk).await;
        match applied {
            Ok(Applied::Done(done)) => {
                Transactions::commit_transaction(conn).await?;
                job.done = done;
                context.db.committed();
            }
            Ok(Applied::WouldBeHeld(done, held)) => {
                Transactions::commit_transaction(conn).await?;
                (job.done, held_for) = (done, held);
            }
            Ok(Applied::Held(held)) => {
                Transactions::rollback_transaction(conn).await?;
                return Ok(Some(End::Held(held)));
            }
            Ok(Applied::TakenOver) => {
                Transactions::rollback_transaction(conn).await?;
                return Ok(None);
            }
            Err(error) => {
                Transactions::rollback_transaction(conn).await?;
                return Err(error);
            }
        }
    }
    Ok(Some(End::Done(held_for)))
}

/// The whole file in one transaction, kept only when no row is refused. What was wrong is kept in any case.
async fn at_once(context: &ServiceContext, importer: &dyn Importer, job: &mut Job, chunks: &mut mpsc::Receiver<Chunk>) -> Result<Option<End>, StoreError> {
    let access = sender_of(context, importer, job).await?;
    let mut conn = context.db.get().await?;
    let conn: &mut Connection = &mut conn;
    Transactions::begin_transaction(conn).await?;
    let (mut results, mut sent) = (Vec::new(), HashMap::new());
    while let Some(mut chunk) = chunks.recv().await {
        sent.extend(std::mem::take(&mut chunk.sent));
        match results_of(conn, importer, &access, chunk).await {
            Ok(of_chunk) => results.extend(of_chunk),
            Err(error) => {
                Transactions::rollback_transaction(conn).await?;
                return Err(error);
            }
        }
    }
    breaker::count(&mut job.changed_by_unit.0, &results);
    let held_for = if job.confirmed { Vec::new() } else { breaker::tripped(conn, importer, &access, &job.changed_by_unit.0).await? };
    let refused = results.iter().filter(|result| matches!(result.outcome, Outcome::Failed(_))).count();
    if refused > 0 || !held_for.is_empty() {
        Transactions::rollback_transaction(conn).await?;
        job.changed_by_unit = Json::default();
        if refused == 0 {
            return Ok(Some(End::Held(held_for)));
        }
        // What the other rows would have done has not happened.
        results.retain(|result| matches!(result.outcome, Outcome::Failed(_)));
        Transactions::begin_transaction(conn).await?;
    }
    let done = store::progress(conn, job, &results, &sent, context.clock.now()).await?;
    let Some(done) = done else {
        Transactions::rollback_transaction(conn).await?;
        return Ok(None);
    };
    Transactions::commit_transaction(conn).await?;
    job.done = done;
    context.db.committed();
    let failed = || End::Failed(format!("{refused} rows were refused, so none was kept"));
    Ok(Some(if refused > 0 { failed() } else { End::Done(Vec::new()) }))
}

/// Rows that become one transaction.
struct Chunk {
    /// Those whose cells can be read.
    readable: Vec<ImportRow>,
    /// What became of the others.
    refused: Vec<RowResult>,
    /// What was sent, by place among the rows.
    sent: HashMap<i32, Sent>,
}

/// Reads a file from the row after `done`: too much work for a thread that others wait for.
fn read(importer: &dyn Importer, file: &[u8], done: i32, locale: Locale, chunks: &mpsc::Sender<Chunk>) -> Result<(), StoreError> {
    let unreadable = |error: spreadsheets::FileError| {
        tracing::error!(%error, "a file that could be read cannot be read any more");
        StoreError::Broken("the file cannot be read")
    };
    let mut opened = spreadsheets::open(file, importer.columns(), &limits()).map_err(unreadable)?;
    let empty = || Chunk { readable: Vec::new(), refused: Vec::new(), sent: HashMap::new() };
    let (mut chunk, mut line) = (empty(), 0);
    while let Some(rows) = opened.next_sheet().map_err(unreadable)? {
        let columns: Arc<[spreadsheets::Place]> = rows.places().collect();
        for row in rows {
            let row = row.map_err(unreadable)?;
            line += 1;
            if line <= done {
                continue;
            }
            chunk.add(line, row, &columns, locale);
            if chunk.sent.len() >= importer.chunk() && chunks.blocking_send(std::mem::replace(&mut chunk, empty())).is_err() {
                return Ok(());
            }
        }
    }
    if !chunk.sent.is_empty() {
        // Nobody waits for it any more when this fails.
        let _ = chunks.blocking_send(chunk);
    }
    Ok(())
}

impl Chunk {
    fn add(&mut self, line: i32, row: spreadsheets::Row, columns: &Arc<[spreadsheets::Place]>, locale: Locale) {
        let spreadsheets::Row { sheet, number, mut cells, errors } = row;
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let said = columns.iter().map(|column| cells.get(&column.field).cloned().unwrap_or_default()).collect();
        let unread = errors.iter().map(|error| (error.field.clone(), error.value.clone())).collect();
        self.sent.insert(line, Sent { sheet, number, cells: said, unread, columns: columns.clone() });
        if errors.is_empty() {
            for column in columns.iter() {
                if !cells.contains_key(&column.field) {
                    cells.insert(column.field.clone(), serde_json::Value::Null);
                }
            }
            self.readable.push(ImportRow { line, cells, locale });
            return;
        }
        let errors = errors.iter().map(|error| FieldError { pointer: error.field.clone(), code: error.code().to_owned(), detail: error.detail(locale) }).collect();
        self.refused.push(RowResult { line, outcome: Outcome::Failed(errors) });
    }
}

/// What became of a chunk.
enum Applied {
    /// So many rows of the file have been tried.
    Done(i32),
    /// The same in a dry run that the circuit breaker would hold.
    WouldBeHeld(i32, Vec<super::HeldFor>),
    /// The circuit breaker holds the import before this chunk.
    Held(Vec<super::HeldFor>),
    /// Another process goes on with the job.
    TakenOver,
}

/// What becomes of the rows of a chunk, with their errors in the sender's language.
async fn results_of(conn: &mut Connection, importer: &dyn Importer, access: &Access, chunk: Chunk) -> Result<Vec<RowResult>, StoreError> {
    let Chunk { readable, refused: mut results, .. } = chunk;
    let locale = readable.as_slice().first().map(|row| row.locale).unwrap_or_default();
    let applied = importer.apply(conn, access, readable).await?;
    results.extend(applied.into_iter().map(|result| result.translated(locale)));
    Ok(results)
}

/// A chunk in the transaction that has been begun, with the job's progress.
async fn apply(conn: &mut Connection, context: &ServiceContext, importer: &dyn Importer, job: &mut Job, access: &Access, mut chunk: Chunk) -> Result<Applied, StoreError> {
    let sent = std::mem::take(&mut chunk.sent);
    let results = results_of(conn, importer, access, chunk).await?;
    let before = job.changed_by_unit.clone();
    breaker::count(&mut job.changed_by_unit.0, &results);
    let held = if job.confirmed { Vec::new() } else { breaker::tripped(conn, importer, access, &job.changed_by_unit.0).await? };
    let dry_run = job.mode == ImportMode::DryRun;
    if !held.is_empty() && !dry_run {
        job.changed_by_unit = before;
        return Ok(Applied::Held(held));
    }
    if dry_run {
        Transactions::rollback_transaction(conn).await?;
        Transactions::begin_transaction(conn).await?;
    }
    let done = store::progress(conn, job, &results, &sent, context.clock.now()).await?;
    Ok(match done {
        None => Applied::TakenOver,
        Some(done) if held.is_empty() => Applied::Done(done),
        Some(done) => Applied::WouldBeHeld(done, held),
    })
}
