//! Writes exports: one at a time per process, page by page.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufWriter, Read, Seek},
    sync::Arc,
    time::Duration,
};

use registrar_access::Refusal;
use registrar_domain::{
    Locale,
    ids::{AccountId, TenantId},
};
use registrar_spreadsheets::{Column, Columns, Format, WriteError, Writer};
use registrar_store::{Cursor, StoreError};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{ExportFormat, Exporter, MOST_ROWS, PAGE, PART, PageOf, store, store::Job};
use crate::{Problem, ServiceContext};

/// How often an idle worker looks for jobs.
const IDLE: Duration = Duration::from_millis(200);

/// Works on this service's exports until the task is dropped.
pub async fn run(context: ServiceContext, exporters: Vec<Arc<dyn Exporter>>) {
    let exporters: HashMap<&'static str, Arc<dyn Exporter>> = exporters.into_iter().map(|exporter| (exporter.resource(), exporter)).collect();
    let resources: Vec<&'static str> = exporters.keys().copied().collect();
    loop {
        match next(&context, &exporters, &resources).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(IDLE).await,
            Err(error) => {
                tracing::warn!(%error, "exports wait");
                tokio::time::sleep(IDLE * 10).await;
            }
        }
    }
}

/// Why an export ends without a file.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the list refused: {0:?}")]
    List(Problem),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error("the account was disabled")]
    Disabled,
    #[error("more than {MOST_ROWS} rows: narrow the list")]
    TooManyRows,
    #[error("another process writes it")]
    TakenOver,
}

/// Takes and finishes one job; false when there is none.
async fn next(context: &ServiceContext, exporters: &HashMap<&'static str, Arc<dyn Exporter>>, resources: &[&'static str]) -> Result<bool, StoreError> {
    let Some(job) = store::take(&mut *context.db.get().await?, resources, context.clock.now()).await? else { return Ok(false) };
    let Some(exporter) = exporters.get(job.resource.as_str()) else { return Ok(false) };
    let written = match work(context, exporter.as_ref(), &job).await {
        Ok(size) => Ok(size),
        Err(ExportError::TakenOver) => return Ok(true),
        // Begun anew when its time is up.
        Err(ExportError::Store(error)) if error.is_transient() => return Err(error),
        Err(error) => Err(error),
    };
    let written = written.map_err(|error| match error {
        error @ (ExportError::TooManyRows | ExportError::Disabled) => error.to_string(),
        ExportError::Store(error @ StoreError::Forbidden(_)) => error.to_string(),
        error => {
            tracing::error!(export = %job.id, %error, "an export failed");
            "something went wrong on our side; quote the export's id".to_owned()
        }
    });
    store::finish(&mut *context.db.get().await?, &job, written.as_ref().copied().map_err(String::as_str), context.clock.now()).await?;
    Ok(true)
}

/// Writes the file and keeps it; answers its size in parts and bytes.
async fn work(context: &ServiceContext, exporter: &dyn Exporter, job: &Job) -> Result<(i32, i64), ExportError> {
    let locale = Locale::from_tag(&job.locale).unwrap_or_default();
    let asked = exporter.asked(&job.query, locale).map_err(ExportError::List)?;
    let columns = Arc::new(shown(exporter, asked.as_deref(), job.sensitive));
    let (sender, receiver) = mpsc::channel(1);
    let (resource, format) = (exporter.resource(), format_of(job.format));
    let writer = tokio::task::spawn_blocking(move || write(format, &columns, locale, resource, receiver));
    let read = read(context, exporter, job, sender).await;
    let file = writer.await.map_err(|_| ExportError::Store(StoreError::Broken("a file was not written to its end")))?;
    read?;
    keep(context, job, file?).await
}

fn format_of(format: ExportFormat) -> Format {
    match format {
        ExportFormat::Xlsx => Format::Xlsx,
        ExportFormat::Csv => Format::Csv,
    }
}

/// The columns that were asked for, by their names or by the groups they are in.
fn shown(exporter: &dyn Exporter, asked: Option<&[String]>, sensitive: bool) -> Columns {
    let wanted = |column: &&Column| {
        let group = column.field.split('.').next().unwrap_or_default();
        let asked = asked.is_none_or(|asked| column.required || asked.iter().any(|name| *name == column.field || name == group));
        asked && (sensitive || !exporter.sensitive().contains(&column.field.as_str()))
    };
    crate::imports::columns::columns(exporter.columns().iter().filter(wanted).cloned().collect())
}

/// Reads the list page by page with the rights of the account as they are then.
async fn read(context: &ServiceContext, exporter: &dyn Exporter, job: &Job, rows: mpsc::Sender<Vec<Map<String, Value>>>) -> Result<(), ExportError> {
    let (mut after, mut count): (Option<Cursor>, i32) = (None, 0);
    loop {
        let access = context.authority.access_of(TenantId::from(job.tenant_id), AccountId::from(job.account_id), &job.client, job.request_id).await;
        let access = access.map_err(|refusal| match refusal {
            Refusal::Store(error) => ExportError::Store(error),
            Refusal::Unauthenticated(_) => ExportError::Disabled,
        })?;
        let mut conn = context.db.get().await?;
        let page = PageOf { query: &job.query, sensitive: job.sensitive, after, limit: PAGE };
        let page = exporter.page(&mut conn, &access, page).await.map_err(ExportError::List)?;
        count = count.saturating_add(i32::try_from(page.rows.len()).unwrap_or(i32::MAX));
        if count > MOST_ROWS {
            return Err(ExportError::TooManyRows);
        }
        if !store::progress(&mut conn, job, count, context.clock.now()).await? {
            return Err(ExportError::TakenOver);
        }
        drop(conn);
        // The writer has failed, and says why.
        if rows.send(page.rows).await.is_err() {
            return Ok(());
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn write(format: Format, columns: &Columns, locale: Locale, title: &str, mut rows: mpsc::Receiver<Vec<Map<String, Value>>>) -> Result<File, ExportError> {
    let mut writer = Writer::new(format, BufWriter::new(tempfile::tempfile()?), columns, locale, title)?;
    while let Some(page) = rows.blocking_recv() {
        for row in &page {
            writer.row(row)?;
        }
    }
    let mut file = writer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Keeps the file in parts, each a statement of its own.
async fn keep(context: &ServiceContext, job: &Job, mut file: File) -> Result<(i32, i64), ExportError> {
    let (mut parts, mut bytes) = (0, 0);
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let mut content = Vec::with_capacity(PART);
            let read = (&mut file).take(PART as u64).read_to_end(&mut content);
            read.map(|_| (file, content))
        });
        let (rest, content) = read.await.map_err(|_| ExportError::Store(StoreError::Broken("a file was not read to its end")))??;
        file = rest;
        if content.is_empty() {
            return Ok((parts, bytes));
        }
        store::keep(&mut *context.db.get().await?, job, parts, &content).await?;
        parts += 1;
        bytes += i64::try_from(content.len()).unwrap_or(i64::MAX);
    }
}
