//! The handlers of imports; [`import_routes!`](crate::import_routes) gives them a resource's paths and operation ids.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Payload,
    http::header,
    web::{self, Bytes},
};
use futures_util::stream;
use registrar_spreadsheets::{self as spreadsheets, FileError, Format, Remark};
use registrar_store::PageRequest;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::{
    Import, ImportError, ImportMode, ImportState, Importer, LARGEST_FILE, MOST_ROWS_AT_ONCE, MOST_STREAMS, MOST_TAKEN_IN, MOST_UNFINISHED, limits, store, store::NewImport,
};
use crate::{FieldError, List, Listing, Locale, Problem, ProblemKind, ServiceContext, attachment::attachment, body, caller::Caller, list::NoFilter, locale::locale_of};

static MEMORY: Semaphore = Semaphore::const_new(MOST_TAKEN_IN);
static STREAMS: Semaphore = Semaphore::const_new(MOST_STREAMS);

/// What a file may be sent as.
const MEDIA_TYPES: [&str; 2] = [Format::Csv.media_type(), Format::Xlsx.media_type()];

/// Room for a file: as much as it has, or as much as any may have.
fn memory_for(said: Option<usize>) -> Result<SemaphorePermit<'static>, Problem> {
    let kibibytes = said.unwrap_or(LARGEST_FILE).min(LARGEST_FILE).div_ceil(1024);
    let busy = || Problem::new(ProblemKind::Unavailable).detail("too many files are being sent at this moment").retry_after(10);
    MEMORY.try_acquire_many(u32::try_from(kibibytes).unwrap_or(u32::MAX)).map_err(|_| busy())
}

/// How an import is to be done.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportParameters {
    /// What becomes of the rows; `valid_rows` when left out.
    #[param(inline)]
    pub mode: Option<ImportMode>,
}

/// A file that is refused as a whole.
fn refused(error: &FileError, locale: Locale) -> Problem {
    let field = |pointer: &str, code: &str, texts: [&'static str; 3]| FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: locale.pick(texts).to_owned() };
    let kind = match error {
        FileError::TooLarge(_) | FileError::TooManyRows(_) | FileError::TooManyColumns(_) | FileError::ZipBomb => ProblemKind::TooLarge,
        _ => ProblemKind::Invalid,
    };
    let mut errors = vec![FieldError { pointer: String::new(), code: error.code().to_owned(), detail: error.detail(locale) }];
    if let FileError::WrongColumns { unknown, repeated, missing, .. } = error {
        errors.extend(unknown.iter().map(|header| field(header, "unknown_column", ["không có cột này", "there is no such column", "没有此列"])));
        errors.extend(repeated.iter().map(|header| field(header, "repeated", ["cột xuất hiện hai lần", "the column is there twice", "该列重复"])));
        errors.extend(missing.iter().map(|names| field(locale.pick(names.each_ref().map(String::as_str)), "required", ["thiếu cột này", "the column is missing", "缺少此列"])));
    }
    Problem::new(kind).detail(error.detail(locale)).errors(errors)
}

/// How many rows a file has.
fn count(file: &[u8], importer: &dyn Importer) -> Result<u32, FileError> {
    let mut opened = spreadsheets::open(file, importer.columns(), &limits())?;
    let mut rows = 0;
    while let Some(sheet) = opened.next_sheet()? {
        for row in sheet {
            row?;
            rows += 1;
        }
    }
    if rows == 0 { Err(FileError::NoRows) } else { Ok(rows) }
}

/// Takes a file into the queue.
///
/// # Errors
/// `forbidden`, `too_large` in bytes or rows, `too_many_requests` when too many files of the account are unfinished,
/// `unavailable` when too many are being sent, `unsupported_media_type`, and `invalid` for a file that is no spreadsheet
/// or whose columns do not fit.
pub async fn create(
    importer: Arc<dyn Importer>,
    context: ServiceContext,
    caller: Caller,
    parameters: ImportParameters,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    caller.require(importer.action())?;
    let too_many = || Problem::new(ProblemKind::TooMany).detail(format!("at most {MOST_UNFINISHED} files of an account wait or are being applied")).retry_after(30);
    // Asked again when it is put into the queue; here, so that a file that will be refused is not sent.
    if store::unfinished(&mut *context.db.get().await?, &caller).await? >= MOST_UNFINISHED {
        return Err(too_many());
    }
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let _memory = memory_for(said)?;
    let bytes = body::read(&request, payload, &MEDIA_TYPES, LARGEST_FILE).await?;
    let (resource, file, locale) = (importer.resource(), bytes.clone(), locale_of(&request));
    // Seconds, for a large file: not on a thread that answers others.
    let rows = web::block(move || count(&file, importer.as_ref())).await.map_err(|_| Problem::new(ProblemKind::Internal))?;
    let total = i32::try_from(rows.map_err(|error| refused(&error, locale))?).unwrap_or(i32::MAX);
    let mode = parameters.mode.unwrap_or(ImportMode::ValidRows);
    if mode == ImportMode::AllOrNothing && total > MOST_ROWS_AT_ONCE {
        return Err(Problem::new(ProblemKind::TooLarge).detail(format!("at most {MOST_ROWS_AT_ONCE} rows with all_or_nothing: split the file or use valid_rows")));
    }
    let new = NewImport { resource, mode, locale, file: &bytes, total };
    let import = store::enqueue(&mut *context.db.get().await?, &caller, &new).await?.ok_or_else(too_many)?;
    let location = format!("{}/{}", request.path().trim_end_matches('/'), import.id);
    Ok(HttpResponse::Accepted().insert_header(("location", location)).json(import))
}

/// The workbook to fill in, in the caller's language.
///
/// # Errors
/// `forbidden`.
pub fn template(importer: Arc<dyn Importer>, caller: &Caller, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    caller.require(importer.action())?;
    let file = spreadsheets::template(importer.columns(), locale_of(request), importer.resource()).map_err(|error| {
        tracing::error!(%error, "a template cannot be written");
        Problem::new(ProblemKind::Internal)
    })?;
    Ok(attachment(Format::Xlsx, &format!("{}-template", importer.resource())).body(file))
}

/// The file as it was sent, with its errors written beside the cells.
///
/// # Errors
/// `not_found` for what is not the caller's, `not_found` too when the file had no errors or was deleted; `state` while
/// the import goes on.
pub async fn annotated(importer: Arc<dyn Importer>, context: &ServiceContext, caller: &Caller, id: Uuid, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let import = read(importer.clone(), context, caller, id).await?;
    if matches!(import.state, ImportState::Queued | ImportState::Running) {
        return Err(Problem::new(ProblemKind::State).detail("the import has not ended"));
    }
    let mut conn = context.db.get().await?;
    let file = store::file(&mut conn, id).await?.ok_or_else(|| Problem::new(ProblemKind::NotFound).detail("the file had no errors, or was deleted a week after the end"))?;
    let _memory = memory_for(Some(file.len()))?;
    let mut remarks = Vec::new();
    let mut page = PageRequest::first(1000, "line");
    loop {
        let found = store::errors(&mut conn, id, &page).await?;
        remarks.extend(found.items.into_iter().map(|error| Remark {
            sheet: error.sheet,
            row: u32::try_from(error.row_number).unwrap_or(0),
            field: error.field,
            text: error.detail,
        }));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    drop(conn);
    let (locale, resource) = (locale_of(request), importer.resource());
    let format = if file.starts_with(b"PK") { Format::Xlsx } else { Format::Csv };
    let annotated = web::block(move || spreadsheets::annotate(&file, importer.columns(), &limits(), remarks, locale)).await;
    let annotated = annotated.map_err(|_| Problem::new(ProblemKind::Internal))?.map_err(|error| {
        tracing::error!(%error, import = %id, "errors cannot be written into a file");
        Problem::new(ProblemKind::Internal)
    })?;
    Ok(attachment(format, &format!("{resource}-errors")).body(annotated))
}

/// Lets an import pass that the circuit breaker holds.
///
/// # Errors
/// `not_found` for what is not the caller's, `state` when it is not held.
pub async fn confirm(importer: Arc<dyn Importer>, context: &ServiceContext, caller: &Caller, id: Uuid) -> Result<Import, Problem> {
    caller.require_fresh(importer.action())?;
    read(importer.clone(), context, caller, id).await?;
    if !store::confirm(&mut *context.db.get().await?, id).await? {
        return Err(Problem::new(ProblemKind::State).detail("the import is not held"));
    }
    read(importer, context, caller, id).await
}

/// Where an import is.
///
/// # Errors
/// `not_found` for what is not the caller's.
pub async fn read(importer: Arc<dyn Importer>, context: &ServiceContext, caller: &Caller, id: Uuid) -> Result<Import, Problem> {
    caller.require(importer.action())?;
    Ok(store::find(&mut *context.db.get().await?, caller, importer.action(), importer.resource(), id).await?)
}

/// What was wrong with its rows.
///
/// # Errors
/// `not_found` for what is not the caller's.
pub async fn errors(importer: Arc<dyn Importer>, context: &ServiceContext, caller: &Caller, id: Uuid, list: &List<NoFilter>) -> Result<Listing, Problem> {
    read(importer, context, caller, id).await?;
    let page = list.page(&["line"])?;
    Listing::of(store::errors(&mut *context.db.get().await?, id, &page).await?.map(ImportError::from), None)
}

/// Its progress as server-sent events, until it ends.
///
/// # Errors
/// `not_found` for what is not the caller's, `unavailable` when this process follows as many as it can.
pub async fn progress(importer: Arc<dyn Importer>, context: ServiceContext, caller: Caller, id: Uuid) -> Result<HttpResponse, Problem> {
    let first = read(importer.clone(), &context, &caller, id).await?;
    let place = STREAMS.try_acquire().map_err(|_| Problem::new(ProblemKind::Unavailable).detail("too many imports are being followed").retry_after(10))?;
    let events = stream::unfold(Some((first, place)), move |shown| {
        let (importer, context, access) = (importer.clone(), context.clone(), caller.0.clone());
        async move {
            let (import, place) = shown?;
            let event = Bytes::from(format!("event: progress\ndata: {}\n\n", serde_json::json!(import)));
            if matches!(import.state, ImportState::Done | ImportState::Failed | ImportState::Held) {
                return Some((Ok::<_, Problem>(event), None));
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let next = read(importer, &context, &Caller(access), id).await.ok();
            Some((Ok(event), next.map(|import| (import, place))))
        }
    });
    Ok(HttpResponse::Ok().content_type("text/event-stream").insert_header(("cache-control", "no-store")).streaming(Box::pin(events)))
}

/// The import routes of a resource, in a module of its own: `import_routes!(StaffImporter, "personnel.staff", "staff");`
/// then `.configure(imports::routes)` among its services.
#[macro_export]
macro_rules! import_routes {
    ($importer:expr, $operation:literal, $tag:literal) => {
        /// Imports of this resource.
        pub mod imports {
            #[allow(unused_imports, reason = "the importer is named relative to the resource")]
            use super::*;
            use ::actix_web::{HttpRequest, HttpResponse, get, post, web::Json};
            use ::std::sync::Arc;
            use $crate::{
                Caller, Listing, Problem, ServiceContext,
                imports::{Import, ImportError, api},
                path::Id,
            };

            /// Adds them; before routes that take anything at their place.
            pub fn routes(routes: &mut ::utoipa_actix_web::service_config::ServiceConfig) {
                routes.service(create).service(template).service(read).service(confirm).service(errors).service(file).service(progress);
            }

            /// Import records from a spreadsheet
            ///
            /// An Excel workbook (.xlsx) or CSV in UTF-8. `GET .../imports/template` has the columns; headers may be in
            /// Vietnamese, English or Chinese or the names of fields, in any order; coded cells may hold the code or the
            /// label (S4-144, S4-161). A column that the file does not have leaves the field as it is, an empty cell
            /// empties it. A row that equals the record it names changes nothing, so a file may be sent again. Answers at
            /// once with a job.
            ///
            /// A file has at most 50 MB and 200,000 rows (20,000 with `mode=all_or_nothing`); a larger one is to be
            /// split. At most 20 files of an account wait or are being applied. An import that would change or end more
            /// than a quarter of a unit's records (and more than 10) is held until it is confirmed. A job is kept, with
            /// its errors, for 30 days after its end, a file with errors for 7.
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.create"), tag = $tag,
                params(api::ImportParameters),
                request_body(content(
                    (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                    (String = "text/csv"),
                ), description = "The file"),
                responses((status = 202, description = "Accepted", body = Import, headers(("Location" = String, description = "The job"))), $crate::Refusals)
            )]
            #[post("/imports")]
            pub async fn create(
                context: ServiceContext,
                caller: Caller,
                parameters: $crate::list::Query<api::ImportParameters>,
                request: HttpRequest,
                payload: ::actix_web::web::Payload,
            ) -> Result<HttpResponse, Problem> {
                api::create(Arc::new($importer), context, caller, parameters.0, request, payload.into_inner()).await
            }

            /// Download the workbook to fill in
            ///
            /// In the language of `Accept-Language`: headers, dropdowns of the code lists, instructions, an example row.
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.template"), tag = $tag,
                responses((status = 200, description = "An Excel workbook", body = String, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), $crate::Refusals)
            )]
            #[get("/imports/template")]
            pub async fn template(caller: Caller, _: $crate::list::Query<$crate::list::NoFilter>, request: HttpRequest) -> Result<HttpResponse, Problem> {
                api::template(Arc::new($importer), &caller, &request)
            }

            /// Read an import's progress and result
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.read"), tag = $tag,
                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                responses((status = 200, description = "The import", body = Import), $crate::Refusals)
            )]
            #[get("/imports/{import_id}")]
            pub async fn read(context: ServiceContext, caller: Caller, id: Id) -> Result<Json<Import>, Problem> {
                Ok(Json(api::read(Arc::new($importer), &context, &caller, id.0).await?))
            }

            /// Confirm an import that is held
            ///
            /// It goes on where the circuit breaker stopped it, or begins with `mode=all_or_nothing`.
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.confirm"), tag = $tag,
                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                responses((status = 200, description = "The import, in the queue again", body = Import), $crate::Refusals)
            )]
            #[post("/imports/{import_id}/confirmation")]
            pub async fn confirm(context: ServiceContext, caller: Caller, id: Id) -> Result<Json<Import>, Problem> {
                Ok(Json(api::confirm(Arc::new($importer), &context, &caller, id.0).await?))
            }

            /// List what was wrong with an import's rows
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.errors"), tag = $tag,
                params(("import_id" = ::uuid::Uuid, Path, description = "The import"), $crate::list::ListParameters),
                responses((status = 200, description = "A page of errors in the file's order", body = $crate::answer::Listed<ImportError>), $crate::Refusals)
            )]
            #[get("/imports/{import_id}/errors")]
            pub async fn errors(context: ServiceContext, caller: Caller, id: Id, page: $crate::List<$crate::list::NoFilter>) -> Result<Listing, Problem> {
                api::errors(Arc::new($importer), &context, &caller, id.0, &page).await
            }

            /// Download the file with its errors
            ///
            /// The file as it was sent, with a note at each bad cell and the reasons in a last column; corrected, it can
            /// be sent again. Only of an import with errors, for 7 days after its end.
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.file"), tag = $tag,
                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                responses((status = 200, description = "The file, of the kind that was sent", content(
                    (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                    (String = "text/csv"),
                )), $crate::Refusals)
            )]
            #[get("/imports/{import_id}/file")]
            pub async fn file(context: ServiceContext, caller: Caller, id: Id, request: HttpRequest) -> Result<HttpResponse, Problem> {
                api::annotated(Arc::new($importer), &context, &caller, id.0, &request).await
            }

            /// Follow an import's progress
            ///
            /// Server-sent events, each `data` the import as `read` answers it; ends when the import ends or is held. 503
            /// when too many are being followed: read the import instead.
            #[::utoipa::path(
                operation_id = concat!($operation, ".imports.progress"), tag = $tag,
                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                responses((status = 200, description = "A stream of progress events", body = String, content_type = "text/event-stream"), $crate::Refusals)
            )]
            #[get("/imports/{import_id}/progress")]
            pub async fn progress(context: ServiceContext, caller: Caller, id: Id) -> Result<HttpResponse, Problem> {
                api::progress(Arc::new($importer), context, caller, id.0).await
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_sent_at_the_same_time_share_a_bounded_memory() {
        // Without a length it may become as large as any.
        let held: Vec<_> = [Some(LARGEST_FILE), None, None, None].map(|said| memory_for(said).unwrap()).into();
        assert_eq!(memory_for(Some(LARGEST_FILE)).unwrap_err().kind(), ProblemKind::Unavailable);
        drop(held);
        assert!(memory_for(Some(LARGEST_FILE)).is_ok());
    }
}
