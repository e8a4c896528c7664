//! Answers that are files.

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use registrar_spreadsheets::Format;

/// The beginning of an answer that browsers save under this name; it is nobody else's to keep.
#[must_use]
pub fn attachment(format: Format, name: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(format.media_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{}\"", format.extension())))
        .insert_header((header::CACHE_CONTROL, "private, no-store"));
    response
}
