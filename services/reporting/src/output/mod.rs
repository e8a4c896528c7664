//! Reports in the form that the caller asks for: JSON for programs, tables for spreadsheets, charts for those who would
//! rather look.

pub mod chart;
pub mod labels;
pub mod svg;
pub mod table;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};
use registrar_http::{Problem, ProblemKind, answer, attachment::attachment, locale::locale_of};
use registrar_store::Cursor;
use serde::Serialize;

pub use self::{
    chart::{Bar, Chart},
    table::Table,
};

registrar_domain::text_enum! {
    /// The form of an answer.
    Format {
        /// `application/json`.
        Json = "json",
        /// A table, `text/csv`, UTF-8 with a byte order mark.
        Csv = "csv",
        /// A table, `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet` (Excel).
        Xlsx = "xlsx",
        /// A chart, `image/svg+xml`.
        Svg = "svg",
    }
}

impl Format {
    /// The one that was asked for, in the query or else by `Accept`; JSON when that names none of ours.
    #[must_use]
    pub fn asked(named: Option<Format>, request: &HttpRequest) -> Self {
        let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        named.unwrap_or_else(|| accepted(accept))
    }

    /// Rows of a report when nothing is said: a page of it for programs, which go on; all of it for people.
    #[must_use]
    pub const fn rows(self) -> usize {
        match self {
            Format::Json => 200,
            Format::Csv | Format::Xlsx | Format::Svg => 10_000,
        }
    }
}

/// The form of the heaviest media type (RFC 9110, 12.5.1) that is ours.
fn accepted(accept: &str) -> Format {
    let mut best = (Format::Json, 0.0_f32);
    for part in accept.split(',').take(20) {
        let mut pieces = part.split(';');
        let format = match pieces.next().unwrap_or_default().trim() {
            "application/json" | "application/*" | "*/*" => Format::Json,
            "text/csv" | "text/*" => Format::Csv,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Format::Xlsx,
            "image/svg+xml" | "image/*" => Format::Svg,
            _ => continue,
        };
        let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if weight > best.1 {
            best = (format, weight);
        }
    }
    best.0
}

/// The answer as JSON.
///
/// # Errors
/// `internal` when it cannot be written.
pub fn json<T: Serialize>(request: &HttpRequest, next: Option<Cursor>, body: &T) -> Result<HttpResponse, Problem> {
    Ok(with_links(request, next, HttpResponse::Ok().json(body)))
}

/// The answer as a file that a spreadsheet program opens.
///
/// # Errors
/// `internal` when it cannot be written.
pub async fn table(request: &HttpRequest, next: Option<Cursor>, format: Format, table: Table) -> Result<HttpResponse, Problem> {
    let format = if format == Format::Xlsx { registrar_spreadsheets::Format::Xlsx } else { registrar_spreadsheets::Format::Csv };
    let (name, locale) = (table.name.clone(), locale_of(request));
    // A workbook is packed, and goes through a temporary file.
    let written = actix_web::web::block(move || table.write(format, locale)).await.map_err(|_| Problem::new(ProblemKind::Unavailable))?;
    let file = written.map_err(|error| {
        tracing::error!(%error, "a table cannot be written");
        Problem::new(ProblemKind::Internal)
    })?;
    let response = attachment(format, &name).insert_header((header::CONTENT_LANGUAGE, locale.tag())).body(file);
    Ok(with_links(request, next, response))
}

/// The answer as a picture.
///
/// # Errors
/// None at present.
pub fn chart(request: &HttpRequest, next: Option<Cursor>, chart: &Chart) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok();
    response
        .content_type("image/svg+xml")
        .insert_header((header::CONTENT_LANGUAGE, locale_of(request).tag()))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        // A picture runs and loads nothing.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"));
    Ok(with_links(request, next, response.body(svg::drawing(chart))))
}

fn with_links(request: &HttpRequest, next: Option<Cursor>, mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
    if let Some(link) = next.and_then(|cursor| HeaderValue::from_str(&answer::next_link(request, &cursor.encode())).ok()) {
        headers.insert(header::LINK, link);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_form_of_ours_is_taken() {
        assert_eq!(accepted(""), Format::Json);
        assert_eq!(accepted("text/csv"), Format::Csv);
        assert_eq!(accepted("image/svg+xml, application/json;q=0.9"), Format::Svg);
        assert_eq!(accepted("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Json, "a browser");
        assert_eq!(accepted("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;q=0.5, application/pdf"), Format::Xlsx);
    }
}
