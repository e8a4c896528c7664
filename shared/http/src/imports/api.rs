//! The handlers of imports; [`import_routes!`](crate::import_routes) gives them a resource's paths and operation ids.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Payload,
    http::header,
    web::{self, Bytes},
};
use futures_util::stream;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::{Import, ImportState, Importer, LARGEST_FILE, MOST_ROWS, MOST_STREAMS, MOST_TAKEN_IN, MOST_UNFINISHED, file, store};
use crate::{List, Listing, Problem, ProblemKind, ServiceContext, body, caller::Caller, list::NoFilter};

static MEMORY: Semaphore = Semaphore::const_new(MOST_TAKEN_IN);
static STREAMS: Semaphore = Semaphore::const_new(MOST_STREAMS);

/// Room for the body of this request: as much as it says it has, or as much as any may have.
fn memory_for(request: &HttpRequest) -> Result<SemaphorePermit<'static>, Problem> {
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let kibibytes = said.unwrap_or(LARGEST_FILE).min(LARGEST_FILE).div_ceil(1024);
    let busy = || Problem::new(ProblemKind::Unavailable).detail("too many files are being sent at this moment").retry_after(10);
    MEMORY.try_acquire_many(u32::try_from(kibibytes).unwrap_or(u32::MAX)).map_err(|_| busy())
}

/// How an import is to be done.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportParameters {
    /// Try every row and keep nothing but the report.
    pub dry_run: Option<bool>,
}

/// Takes a file into the queue.
///
/// # Errors
/// `forbidden`, `too_large` in bytes or rows, `too_many_requests` when too many files of the account are unfinished,
/// `unavailable` when too many are being sent,
/// `unsupported_media_type`, and `invalid` when its header does not fit.
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
    let _memory = memory_for(&request)?;
    let bytes = body::read(&request, payload, &["text/csv"], LARGEST_FILE).await?;
    let (resource, file) = (importer.resource(), bytes.clone());
    // Seconds, for a large file: not on a thread that answers others.
    let rows = web::block(move || Ok::<_, Problem>(file::open(&file, &importer.schema())?.count(MOST_ROWS))).await.map_err(|_| Problem::new(ProblemKind::Internal))??;
    if rows == 0 {
        return Err(Problem::field("", "no_rows", "the file has no rows"));
    }
    let total = i32::try_from(rows).ok().filter(|_| rows <= MOST_ROWS);
    let total = total.ok_or_else(|| Problem::new(ProblemKind::TooLarge).detail(format!("at most {MOST_ROWS} rows: split the file")))?;
    let mut conn = context.db.get().await?;
    let import = store::enqueue(&mut conn, &caller, resource, parameters.dry_run.unwrap_or(false), &bytes, total).await?.ok_or_else(too_many)?;
    let location = format!("{}/{}", request.path().trim_end_matches('/'), import.id);
    Ok(HttpResponse::Accepted().insert_header(("location", location)).json(import))
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
    Listing::of(store::errors(&mut *context.db.get().await?, id, &page).await?, None)
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
            if matches!(import.state, ImportState::Done | ImportState::Failed) {
                return Some((Ok::<_, Problem>(event), None));
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let next = read(importer, &context, &Caller(access), id).await.ok();
            Some((Ok(event), next.map(|import| (import, place))))
        }
    });
    Ok(HttpResponse::Ok().content_type("text/event-stream").insert_header(("cache-control", "no-store")).streaming(Box::pin(events)))
}

/// The import routes of a resource, in a module of its own: `import_routes!(StaffImporter, "personnel.staff", "staff", "StaffRow");`
/// then `.service(imports::create).service(imports::read).service(imports::errors).service(imports::progress)`.
#[macro_export]
macro_rules! import_routes {
    ($importer:expr, $operation:literal, $tag:literal, $row:literal) => {
        /// Imports of this resource.
        pub mod imports {
            #[allow(unused_imports, reason = "the row type is named relative to the resource")]
            use super::*;
            use ::actix_web::{get, post};
            use $crate::imports::{Import, ImportError, api};

            /// Import records from a CSV file
            ///
            /// The columns are the fields of the row's schema, in any order; empty cells are absent values. A row that
            /// equals the record it names changes nothing, so a file may be sent again. Answers at once with a job.
            ///
            /// A file has at most 200 MB and 1,000,000 rows; a larger one is to be split. At most 20 files of an account
            /// wait or are being applied. A job is kept, with its errors, for 30 days after its end.
            #[::utoipa::path(
                                operation_id = concat!($operation, ".imports.create"), tag = $tag,
                                params(api::ImportParameters),
                                request_body(content = String, content_type = "text/csv", description = concat!("A CSV file in UTF-8 with a header; a row is a `", $row, "`")),
                                responses((status = 202, description = "Accepted", body = Import, headers(("Location" = String, description = "The job"))), $crate::Refusals)
                            )]
            #[post("/imports")]
            pub async fn create(
                context: $crate::ServiceContext,
                caller: $crate::Caller,
                parameters: $crate::list::Query<api::ImportParameters>,
                request: ::actix_web::HttpRequest,
                payload: ::actix_web::web::Payload,
            ) -> Result<::actix_web::HttpResponse, $crate::Problem> {
                api::create(::std::sync::Arc::new($importer), context, caller, parameters.0, request, payload.into_inner()).await
            }

            /// Read an import's progress and result
            #[::utoipa::path(
                                operation_id = concat!($operation, ".imports.read"), tag = $tag,
                                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                                responses((status = 200, description = "The import", body = Import), $crate::Refusals)
                            )]
            #[get("/imports/{import_id}")]
            pub async fn read(context: $crate::ServiceContext, caller: $crate::Caller, id: $crate::path::Id) -> Result<::actix_web::web::Json<Import>, $crate::Problem> {
                Ok(::actix_web::web::Json(api::read(::std::sync::Arc::new($importer), &context, &caller, id.0).await?))
            }

            /// List what was wrong with an import's rows
            #[::utoipa::path(
                                operation_id = concat!($operation, ".imports.errors"), tag = $tag,
                                params(("import_id" = ::uuid::Uuid, Path, description = "The import"), $crate::list::ListParameters),
                                responses((status = 200, description = "A page of errors in the file's order", body = $crate::answer::Listed<ImportError>), $crate::Refusals)
                            )]
            #[get("/imports/{import_id}/errors")]
            pub async fn errors(
                context: $crate::ServiceContext,
                caller: $crate::Caller,
                id: $crate::path::Id,
                page: $crate::List<$crate::list::NoFilter>,
            ) -> Result<$crate::Listing, $crate::Problem> {
                api::errors(::std::sync::Arc::new($importer), &context, &caller, id.0, &page).await
            }

            /// Follow an import's progress
            ///
            /// Server-sent events, each `data` the import as `read` answers it; ends with the import. 503 when too many
            /// are being followed: read the import instead.
            #[::utoipa::path(
                                operation_id = concat!($operation, ".imports.progress"), tag = $tag,
                                params(("import_id" = ::uuid::Uuid, Path, description = "The import")),
                                responses((status = 200, description = "A stream of progress events", body = String, content_type = "text/event-stream"), $crate::Refusals)
                            )]
            #[get("/imports/{import_id}/progress")]
            pub async fn progress(context: $crate::ServiceContext, caller: $crate::Caller, id: $crate::path::Id) -> Result<::actix_web::HttpResponse, $crate::Problem> {
                api::progress(::std::sync::Arc::new($importer), context, caller, id.0).await
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn files_that_are_sent_at_the_same_time_share_a_bounded_memory() {
        let large = TestRequest::default().insert_header((header::CONTENT_LENGTH, LARGEST_FILE)).to_http_request();
        // Without a length it may become as large as any.
        let unknown = TestRequest::default().to_http_request();
        let held = [memory_for(&large).unwrap(), memory_for(&unknown).unwrap()];
        assert_eq!(memory_for(&large).unwrap_err().kind(), ProblemKind::Unavailable);
        drop(held);
        assert!(memory_for(&large).is_ok());
    }
}
