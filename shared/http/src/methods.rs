//! What methods each path takes, so that a refusal may say so.

use std::collections::HashMap;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::ALLOW},
    middleware::Next,
    web,
};

use crate::openapi::Contract;

/// The published paths, each with its methods as `Allow` has them.
pub(crate) fn paths(document: &Contract) -> impl Iterator<Item = (&str, String)> {
    let paths = document.get("paths").and_then(Contract::as_object).into_iter().flatten();
    let methods = |item: &Contract| item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).collect::<Vec<_>>().join(", ");
    paths.map(move |(path, item)| (path.as_str(), methods(item)))
}

/// The published paths without parameters, with the methods they take.
pub(crate) struct FixedPaths(HashMap<String, String>);

impl FixedPaths {
    pub(crate) fn of(document: &Contract) -> Self {
        FixedPaths(paths(document).filter(|(path, _)| !path.contains('{')).map(|(path, methods)| (path.to_owned(), methods)).collect())
    }

    /// The methods of a path, when it has others than this one.
    fn instead_of(&self, method: &Method, path: &str) -> Option<&str> {
        let methods = self.0.get(path)?;
        let told = [Method::HEAD, Method::OPTIONS].contains(method) || methods.split(", ").any(|known| known == method.as_str());
        (!told).then_some(methods)
    }
}

/// `PATCH /v1/staff/changes` is no change of a record of the name `changes`.
pub(crate) async fn only_their_methods<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let fixed = request.app_data::<web::Data<FixedPaths>>().cloned();
    if let Some(methods) = fixed.as_ref().and_then(|fixed| fixed.instead_of(request.method(), request.path())) {
        let refusal = HttpResponse::MethodNotAllowed().insert_header((ALLOW, methods)).finish();
        return Ok(request.into_response(refusal));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Nothing there; or something that takes other methods (RFC 9110, 15.5.6).
pub(crate) fn no_route(methods: &[(String, String)], request: &HttpRequest) -> HttpResponse {
    match methods.iter().find(|(path, _)| is_at(path, request.path())) {
        Some((_, methods)) => HttpResponse::MethodNotAllowed().insert_header((ALLOW, methods.as_str())).finish(),
        None => HttpResponse::NotFound().finish(),
    }
}

/// Whether a path is one of a published form, such as `/v1/staff/{staff_id}`. A pattern compiled for each would take
/// megabytes.
fn is_at(form: &str, path: &str) -> bool {
    let (mut parts, mut given) = (form.split('/'), path.split('/'));
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given || (part.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_path_takes_its_own_methods_only() {
        let document = serde_json::json!({ "paths": { "/v1/notes/changes": { "get": {} }, "/v1/notes/{note_id}": { "patch": {} } } });
        let fixed = FixedPaths::of(&document);
        assert_eq!(fixed.instead_of(&Method::PATCH, "/v1/notes/changes"), Some("GET"));
        for (method, path) in [(Method::GET, "/v1/notes/changes"), (Method::HEAD, "/v1/notes/changes"), (Method::DELETE, "/v1/notes/7")] {
            assert_eq!(fixed.instead_of(&method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_path_is_of_a_form_when_each_part_is() {
        for path in ["/v1/notes", "/v1/notes/7", "/v1/notes/changes"] {
            let form = if path == "/v1/notes" { path } else { "/v1/notes/{note_id}" };
            assert!(is_at(form, path), "{path}");
        }
        for path in ["/v1", "/v1/notes", "/v1/notes/", "/v1/notes/7/", "/v1/notes/7/history", "/v2/notes/7", "//notes/7", ""] {
            assert!(!is_at("/v1/notes/{note_id}", path), "{path}");
        }
    }
}
