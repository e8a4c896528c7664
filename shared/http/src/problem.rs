//! Refusals: RFC 9457 problem documents in the caller's language. They help the caller and tell nothing of the inside;
//! what the inside has to say is in the log, under the same `request_id`.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use registrar_access::Refusal;
use registrar_store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::{Locale, phrases};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $status:literal, [$vi:literal, $en:literal, $zh:literal];)+) => {
        /// The kinds of refusal there are; the list in docs/api.md is checked against it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($(#[$doc])* $kind,)+ }

        impl ProblemKind {
            /// All kinds.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$kind,)+];

            /// The stable last part of the problem's type.
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(ProblemKind::$kind => $code,)+ } }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                StatusCode::from_u16(match self { $(ProblemKind::$kind => $status,)+ }).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The title in the caller's language.
            #[must_use]
            pub fn title(self, locale: Locale) -> &'static str { locale.pick(match self { $(ProblemKind::$kind => [$vi, $en, $zh],)+ }) }
        }
    };
}

kinds! {
    /// The body is not JSON, not UTF-8, or nested too deeply.
    Malformed = "malformed", 400, ["Nội dung gửi lên không đọc được", "The request cannot be read", "请求无法读取"];
    /// A query parameter, header or path is not as documented.
    BadParameter = "bad_parameter", 400, ["Tham số không hợp lệ", "A parameter is not valid", "参数无效"];
    /// No token, or none that is valid.
    Unauthenticated = "unauthenticated", 401, ["Cần đăng nhập", "Sign in first", "请先登录"];
    /// The caller may not do this.
    Forbidden = "forbidden", 403, ["Không có quyền thực hiện", "You may not do this", "没有权限"];
    /// Nothing there, or nothing the caller may know of.
    NotFound = "not_found", 404, ["Không tìm thấy", "Not found", "未找到"];
    /// The route exists, not with this method.
    MethodNotAllowed = "method_not_allowed", 405, ["Phương thức không được hỗ trợ", "The method is not supported here", "不支持该方法"];
    /// A uniqueness rule refuses the record.
    Conflict = "conflict", 409, ["Trùng với dữ liệu đã có", "It conflicts with an existing record", "与已有记录冲突"];
    /// The record's state does not allow it.
    State = "state", 409, ["Trạng thái hồ sơ không cho phép", "The record's state does not allow this", "记录状态不允许"];
    /// Something this depends on has not arrived from its owner yet; try again shortly.
    NotYetKnown = "not_yet_known", 409, ["Dữ liệu liên quan chưa đến", "Something this depends on is not known here yet", "相关数据尚未到达"];
    /// The same request with the same idempotency key is being handled.
    Concurrent = "concurrent_request", 409, ["Yêu cầu trùng đang được xử lý", "The same request is being handled", "相同请求正在处理"];
    /// A cursor that is no longer served: start over from the beginning.
    Gone = "gone", 410, ["Con trỏ đã hết hiệu lực, hãy đọc lại từ đầu", "The cursor has ended; start over without one", "游标已失效，请重新开始"];
    /// `If-Match` names another version than the current one.
    Stale = "stale", 412, ["Hồ sơ đã được người khác sửa", "The record has changed since you read it", "记录已被他人修改"];
    /// The body is larger than allowed.
    TooLarge = "too_large", 413, ["Nội dung quá lớn", "The request is too large", "请求过大"];
    /// The content type is not the documented one.
    UnsupportedMedia = "unsupported_media_type", 415, ["Kiểu nội dung không được hỗ trợ", "The content type is not supported", "不支持的内容类型"];
    /// Fields of the body break the contract or a rule; `errors` names each.
    Invalid = "invalid", 422, ["Dữ liệu không hợp lệ", "Some fields are not valid", "数据无效"];
    /// An idempotency key was used before with another body.
    KeyReused = "idempotency_key_reused", 422, ["Khóa chống lặp đã dùng cho yêu cầu khác", "The idempotency key was used with another body", "幂等键已用于其他请求"];
    /// A change needs `If-Match`.
    PreconditionRequired = "precondition_required", 428, ["Thiếu phiên bản (If-Match)", "Say which version you change (If-Match)", "缺少版本号 (If-Match)"];
    /// Too many requests; `Retry-After` says when to go on.
    TooMany = "too_many_requests", 429, ["Quá nhiều yêu cầu", "Too many requests", "请求过多"];
    /// A defect of ours.
    Internal = "internal", 500, ["Lỗi hệ thống", "Something went wrong on our side", "系统错误"];
    /// A part we depend on is away; try again.
    Unavailable = "unavailable", 503, ["Hệ thống tạm thời không sẵn sàng", "Temporarily unavailable", "暂时不可用"];
    /// Authority data are too old to decide on.
    AuthorityStale = "authority_stale", 503, ["Chưa thể xác minh quyền, hãy thử lại", "Rights cannot be verified right now; try again", "暂时无法核实权限，请重试"];
}

/// One bad field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the body; for a parameter its name.
    pub pointer: String,
    /// Stable machine-readable reason.
    pub code: String,
    /// One sentence for a person, in the caller's language where it comes from the contract.
    pub detail: String,
}

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    current_version: Option<i64>,
}

/// A problem document (RFC 9457), media type `application/problem+json`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A stable URI for this kind of problem, `urn:registrar:problem:<code>`; docs/api.md lists them.
    #[serde(rename = "type")]
    #[schema(example = "urn:registrar:problem:invalid")]
    kind: String,
    /// What happened, in the caller's language (`Accept-Language`: vi, en, zh).
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// More about this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The id of this request, to be quoted when asking for help.
    request_id: Uuid,
    /// Every bad field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    errors: Vec<FieldError>,
    /// With `stale`: the version now held.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<i64>,
}

impl Problem {
    /// A refusal of this kind.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Problem { kind, detail: None, errors: Vec::new(), retry_after: None, current_version: None }
    }

    /// With a sentence about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the bad fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// One bad field of a body.
    #[must_use]
    pub fn field(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Invalid).errors(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The bad fields.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The response for this request.
    #[must_use]
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        self.respond_in(crate::locale::locale_of(request), crate::context::request_id(request))
    }

    /// The response in this language, for the request of this id.
    #[must_use]
    pub fn respond_in(&self, locale: Locale, request_id: Uuid) -> HttpResponse {
        let status = self.kind.status();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json")).insert_header((header::CONTENT_LANGUAGE, locale.tag()));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.kind == ProblemKind::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"registrar\""));
        }
        response.json_body(&ProblemDocument {
            kind: format!("urn:registrar:problem:{}", self.kind.code()),
            title: self.kind.title(locale).to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            request_id,
            errors: self.errors.iter().cloned().map(|error| phrases::translated(error, locale)).collect(),
            current_version: self.current_version,
        })
    }
}

/// `json` would overwrite the content type that was set before.
trait JsonBody {
    fn json_body(&mut self, document: &ProblemDocument) -> HttpResponse;
}

impl JsonBody for actix_web::HttpResponseBuilder {
    fn json_body(&mut self, document: &ProblemDocument) -> HttpResponse {
        match serde_json::to_vec(document) {
            Ok(bytes) => self.body(bytes),
            Err(_) => HttpResponse::InternalServerError().finish(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())
    }
}

impl std::error::Error for Problem {}

/// Written out in full by the outermost middleware, which knows the request and so its language.
impl actix_web::ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.kind.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Problem::new(ProblemKind::NotFound),
            StoreError::Forbidden(action) => Problem::new(ProblemKind::Forbidden).detail(action),
            StoreError::Stale { current } => Problem { current_version: Some(current), ..Problem::new(ProblemKind::Stale) },
            StoreError::Conflict { constraint } => conflict(&constraint),
            StoreError::Invalid { pointer, code, detail } => Problem::field(pointer, code, detail),
            StoreError::State(reason) => Problem::new(ProblemKind::State).detail(reason),
            StoreError::AuthorityStale => Problem::new(ProblemKind::AuthorityStale).retry_after(5),
            StoreError::NotYetKnown(what) => Problem::new(ProblemKind::NotYetKnown).detail(what).retry_after(1),
            StoreError::BadCursor => Problem::new(ProblemKind::BadParameter).errors(vec![FieldError {
                pointer: "cursor".into(),
                code: "bad_cursor".into(),
                detail: "not a cursor of this list and order".into(),
            }]),
            StoreError::CursorGone => Problem::new(ProblemKind::Gone),
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the database is unavailable");
                Problem::new(ProblemKind::Unavailable).retry_after(2)
            }
            StoreError::Refused { constraint } => {
                tracing::error!(%constraint, "a constraint refused what the edge let through");
                Problem::new(ProblemKind::Internal)
            }
            StoreError::Broken(reason) => {
                tracing::error!(reason, "what is stored does not keep our own rules");
                Problem::new(ProblemKind::Internal)
            }
            StoreError::Database(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a statement failed");
                Problem::new(ProblemKind::Internal)
            }
        }
    }
}

/// Uniqueness rules are named `<table>_unique_<field>`.
fn conflict(constraint: &str) -> Problem {
    let problem = Problem::new(ProblemKind::Conflict);
    match constraint.split_once("_unique_") {
        Some((_, field)) => problem.errors(vec![FieldError { pointer: format!("/{field}"), code: "already_used".into(), detail: "another record has this value".into() }]),
        None => problem,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated(reason) => {
                tracing::info!(%reason, "not let in");
                Problem::new(ProblemKind::Unauthenticated)
            }
            Refusal::Store(error) => error.into(),
        }
    }
}
