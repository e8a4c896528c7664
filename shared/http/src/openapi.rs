//! What the published contract has besides the routes themselves.

use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        self, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::Type,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::problem::ProblemDocument;

/// The refusals that every authenticated route shares: `responses((status = 200, ...), Refusals)`.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> std::collections::BTreeMap<String, RefOr<Response>> {
        let statuses = [
            ("400", "The request or one of its parameters cannot be read"),
            ("401", "No valid token"),
            ("403", "Outside the caller's grants"),
            ("404", "Nothing there, or nothing the caller may know of"),
            ("409", "The record's state, or another record, does not allow it; or something it needs is not known here yet"),
            ("410", "The cursor has ended"),
            ("412", "The record has changed since it was read"),
            ("413", "The body is too large"),
            ("415", "The content type is not supported"),
            ("422", "Fields break the contract or a rule; each is named"),
            ("428", "`If-Match` is missing"),
            ("429", "Too many requests"),
            ("503", "Temporarily unavailable"),
        ];
        statuses.into_iter().map(|(status, description)| (status.to_owned(), RefOr::T(problem(description)))).collect()
    }
}

fn problem(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", openapi::ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build())
        .header("Content-Language", HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).description(Some("The language of the title")).build())
        .build()
}

/// The document that the routes are added to.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Registrar",
        description = "The records of a school system: entered once, owned by one service, shown everywhere.\n\nConventions, recipes and the list of problems: docs/api.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Registrar developers", email = "developers@registrar.invalid")
    ),
    servers((url = "/", description = "this host")),
    components(schemas(ProblemDocument)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some("The access token of `POST /v1/sessions`")).build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
