//! Bodies of requests: read, bounded, checked against their published schema, then typed.

use std::{borrow::Cow, marker::PhantomData, ops::Deref};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{Locale, Problem, ProblemKind, contract, json};

/// The largest JSON body, in bytes.
pub const LARGEST_BODY: usize = 1 << 20;

/// A typed JSON body.
pub struct Body<T> {
    value: T,
    /// Digest of the bytes as sent, which an idempotency key is tied to.
    pub digest: [u8; 32],
}

impl<T> Body<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Body<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ToSchema + DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload, &["application/json"], LARGEST_BODY).await?;
            let value = contract::read(json::parse(&bytes)?, crate::locale::locale_of(&request))?;
            Ok(Body { value, digest: Sha256::digest(&bytes).into() })
        })
    }
}

/// Reads a whole body of one of these media types, at most `largest` bytes.
///
/// # Errors
/// `unsupported_media_type`, `too_large`, `malformed` when it is cut off.
pub async fn read(request: &HttpRequest, mut payload: Payload, media_types: &[&str], largest: usize) -> Result<web::Bytes, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !media_types.contains(&essence.as_str()) {
        return Err(Problem::new(ProblemKind::UnsupportedMedia).detail(media_types.join(", ")));
    }
    let too_large = || Problem::new(ProblemKind::TooLarge).detail(format!("at most {largest} bytes"));
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > largest) {
        return Err(too_large());
    }
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemKind::Malformed).detail("the body is cut off"))?;
        if bytes.len() + chunk.len() > largest {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// A merge patch (RFC 7396) of a `T`: any of its fields; null removes an optional one.
pub struct MergePatch<T> {
    changes: Value,
    locale: Locale,
    typed: PhantomData<T>,
}

impl<T: ToSchema + Serialize + DeserializeOwned + 'static> MergePatch<T> {
    /// The value that `current` becomes. The fields that the patch names are checked as it leaves them; what it does not
    /// speak of was checked when it was entered.
    ///
    /// # Errors
    /// `invalid` naming every bad field.
    pub fn apply(&self, current: &T) -> Result<T, Problem> {
        let mut value = serde_json::to_value(current).map_err(|error| {
            tracing::error!(%error, "a record cannot be written as JSON");
            Problem::new(ProblemKind::Internal)
        })?;
        json::drop_nulls(&mut value);
        json::merge(&mut value, self.changes.clone());
        let named: Map<String, Value> =
            value.as_object().into_iter().flatten().filter(|(field, _)| self.names(field)).map(|(field, value)| (field.clone(), value.clone())).collect();
        check::<T>(&Value::Object(named), self.locale)?;
        contract::typed(value)
    }

    /// Whether the patch speaks of a field.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.changes.get(field).is_some()
    }
}

impl<T: ToSchema + 'static> FromRequest for MergePatch<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let locale = crate::locale::locale_of(&request);
            let bytes = read(&request, payload, &["application/merge-patch+json", "application/json"], LARGEST_BODY).await?;
            let changes = json::parse(&bytes)?;
            check::<T>(&changes, locale)?;
            Ok(MergePatch { changes, locale, typed: PhantomData })
        })
    }
}

/// Refuses fields that no `T` has or may have so; none is required.
fn check<T: ToSchema + 'static>(fields: &Value, locale: Locale) -> Result<(), Problem> {
    let errors = contract::errors(&*contract::validator::<MergePatch<T>>()?, fields, locale);
    if errors.is_empty() { Ok(()) } else { Err(Problem::new(ProblemKind::Invalid).errors(errors)) }
}

/// The schema of `T` with nothing required and every field that may be absent nullable.
impl<T: ToSchema> PartialSchema for MergePatch<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = json!(T::schema());
        let required: Vec<String> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        if let Value::Object(fields) = &mut schema {
            fields.remove("required");
            fields.insert("description".into(), json!(format!("A merge patch (RFC 7396) of {}: fields left out stay as they are, null empties an optional one.", T::name())));
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
                    nullable(property);
                }
            }
        }
        // The same document read back: what serialised as a schema is one.
        serde_json::from_value(schema).unwrap_or_else(|_| T::schema())
    }
}

fn nullable(property: &mut Value) {
    match property.get("type").cloned() {
        Some(Value::String(kind)) => {
            if let Value::Object(fields) = property {
                fields.insert("type".into(), json!([kind, "null"]));
                if let Some(Value::Array(options)) = fields.get_mut("enum") {
                    options.push(Value::Null);
                }
            }
        }
        None if property.get("oneOf").is_none() => *property = json!({ "oneOf": [{ "type": "null" }, property.take()] }),
        _ => {}
    }
}

impl<T: ToSchema> ToSchema for MergePatch<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Patch", T::name().trim_end_matches("Input")))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct TeacherInput {
        #[schema(min_length = 1)]
        name: String,
        #[schema(minimum = 1900)]
        year: Option<i32>,
    }

    fn patch(changes: Value) -> MergePatch<TeacherInput> {
        MergePatch { changes, locale: Locale::En, typed: PhantomData }
    }

    #[test]
    fn a_patch_is_checked_as_what_it_makes_of_the_record() {
        let current = TeacherInput { name: "An".into(), year: Some(1990) };
        assert_eq!(patch(json!({"year": null})).apply(&current).unwrap(), TeacherInput { name: "An".into(), year: None });
        let problem = patch(json!({"name": "", "year": 3})).apply(&current).unwrap_err();
        let codes: Vec<&str> = problem.field_errors().iter().map(|error| error.code.as_str()).collect();
        assert_eq!(codes, ["too_short", "too_small"]);
    }

    #[test]
    fn a_patch_publishes_optional_fields_as_nullable_and_required_ones_not() {
        let validator = contract::validator::<MergePatch<TeacherInput>>().unwrap();
        assert!(validator.is_valid(&json!({"year": null})) && validator.is_valid(&json!({})));
        assert!(!validator.is_valid(&json!({"name": null})) && !validator.is_valid(&json!({"nickname": "x"})));
    }
}
