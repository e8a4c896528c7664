//! The handlers of exports; [`export_routes!`](crate::export_routes) gives them a resource's paths and operation ids.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Bytes};
use futures_util::stream;
use registrar_spreadsheets::Format;
use uuid::Uuid;

use super::{Export, ExportFormat, ExportInput, ExportState, Exporter, MOST_UNFINISHED, store};
use crate::{Body, Caller, Problem, ProblemKind, ServiceContext, attachment::attachment, locale::locale_of};

/// Takes an export into the queue.
///
/// # Errors
/// `forbidden`, also when sensitive fields are asked for without the right to any, `bad_parameter` for a query that the list would refuse, `too_many_requests`, `unavailable` when sensitive
/// fields are asked for and authority is stale.
pub async fn create(exporter: Arc<dyn Exporter>, context: ServiceContext, caller: Caller, input: Body<ExportInput>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    caller.require(exporter.action())?;
    if input.sensitive {
        match exporter.sensitive_action() {
            Some(action) => caller.require(action)?,
            None => return Err(Problem::field("/sensitive", "excluded", "this list has no sensitive fields")),
        }
    }
    let locale = locale_of(&request);
    exporter.asked(&input.query, locale)?;
    let export = store::enqueue(&mut *context.db.get().await?, &caller, exporter.resource(), &input, locale).await?;
    let export =
        export.ok_or_else(|| Problem::new(ProblemKind::TooMany).detail(format!("at most {MOST_UNFINISHED} exports of an account wait or are being written")).retry_after(30))?;
    let location = format!("{}/{}", request.path().trim_end_matches('/'), export.id);
    Ok(HttpResponse::Accepted().insert_header(("location", location)).json(export))
}

/// Where an export is.
///
/// # Errors
/// `not_found` for what is not the caller's.
pub async fn read(exporter: Arc<dyn Exporter>, context: &ServiceContext, caller: &Caller, id: Uuid) -> Result<Export, Problem> {
    caller.require(exporter.action())?;
    Ok(store::find(&mut *context.db.get().await?, caller, exporter.resource(), id).await?)
}

/// Its file.
///
/// # Errors
/// `not_found` for what is not the caller's or was deleted, `state` while it is not done.
pub async fn file(exporter: Arc<dyn Exporter>, context: ServiceContext, caller: Caller, id: Uuid) -> Result<HttpResponse, Problem> {
    let resource = exporter.resource();
    let export = read(exporter, &context, &caller, id).await?;
    if export.state != ExportState::Done {
        return Err(Problem::new(ProblemKind::State).detail("the export is not done"));
    }
    let parts = stream::unfold((context, 0), move |(context, part)| async move {
        let content = async { store::part(&mut *context.db.get().await?, id, part).await }.await;
        match content {
            Ok(content) => Some((Ok(Bytes::from(content?)), (context, part + 1))),
            Err(error) => Some((Err(Problem::from(error)), (context, i32::MAX))),
        }
    });
    let format = if export.format == ExportFormat::Xlsx { Format::Xlsx } else { Format::Csv };
    let mut response = attachment(format, resource);
    response.insert_header((header::CONTENT_LENGTH, export.bytes));
    Ok(response.no_chunking(u64::try_from(export.bytes).unwrap_or_default()).streaming(Box::pin(parts)))
}

/// The export routes of a resource, in a module of its own: `export_routes!(StaffExporter, "personnel.staff", "staff");`
/// then `.configure(exports::routes)`.
#[macro_export]
macro_rules! export_routes {
    ($exporter:expr, $operation:literal, $tag:literal) => {
        /// Exports of this resource.
        pub mod exports {
            #[allow(unused_imports, reason = "the exporter is named relative to the resource")]
            use super::*;
            use ::actix_web::{HttpRequest, HttpResponse, get, post, web::Json};
            use ::std::sync::Arc;
            use $crate::{
                Body, Caller, Problem, ServiceContext,
                exports::{Export, ExportInput, api},
                path::Id,
            };

            /// Adds them; before routes that take anything at their place.
            pub fn routes(routes: &mut ::utoipa_actix_web::service_config::ServiceConfig) {
                routes.service(create).service(read).service(file);
            }

            /// Export the list as a spreadsheet
            ///
            /// The records and fields that the list shows with the same query, all pages, with the caller's rights, in the
            /// columns that an import takes and the language of `Accept-Language`: imported again, it changes nothing.
            /// Cells that a spreadsheet program would run as formulas are neutralised. Answers at once with a job; at
            /// most 5 of an account wait or are being written, and a file has at most 1,000,000 rows.
            #[::utoipa::path(
                                operation_id = concat!($operation, ".exports.create"), tag = $tag, request_body = ExportInput,
                                responses((status = 202, description = "Accepted", body = Export, headers(("Location" = String, description = "The job"))), $crate::Refusals)
                            )]
            #[post("/exports")]
            pub async fn create(context: ServiceContext, caller: Caller, input: Body<ExportInput>, request: HttpRequest) -> Result<HttpResponse, Problem> {
                api::create(Arc::new($exporter), context, caller, input, request).await
            }

            /// Read an export's progress
            #[::utoipa::path(
                                operation_id = concat!($operation, ".exports.read"), tag = $tag,
                                params(("export_id" = ::uuid::Uuid, Path, description = "The export")),
                                responses((status = 200, description = "The export", body = Export), $crate::Refusals)
                            )]
            #[get("/exports/{export_id}")]
            pub async fn read(context: ServiceContext, caller: Caller, id: Id) -> Result<Json<Export>, Problem> {
                Ok(Json(api::read(Arc::new($exporter), &context, &caller, id.0).await?))
            }

            /// Download an export
            ///
            /// For 7 days after its end, by the account that asked for it.
            #[::utoipa::path(
                                operation_id = concat!($operation, ".exports.file"), tag = $tag,
                                params(("export_id" = ::uuid::Uuid, Path, description = "The export")),
                                responses((status = 200, description = "The file", content(
                                    (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                                    (String = "text/csv"),
                                )), $crate::Refusals)
                            )]
            #[get("/exports/{export_id}/file")]
            pub async fn file(context: ServiceContext, caller: Caller, id: Id) -> Result<HttpResponse, Problem> {
                api::file(Arc::new($exporter), context, caller, id.0).await
            }
        }
    };
}
