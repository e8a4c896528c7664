//! The contract is the behaviour: what a type publishes in `openapi.yaml` is what its values are checked against.
//! Checking yields every error at once; deserialising, which stops at the first, comes after.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind as Kind};
use registrar_domain::dates::parse_date;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{FieldError, Locale, Problem, ProblemKind, json::escape};

/// More errors than these are not listed.
const MOST_ERRORS: usize = 1000;

static VALIDATORS: LazyLock<RwLock<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(RwLock::default);

/// The type's published schema, self-contained.
#[must_use]
pub fn schema_of<T: ToSchema>() -> Value {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let schemas: serde_json::Map<String, Value> = parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut root = json!(T::schema());
    if let Value::Object(fields) = &mut root {
        fields.insert("components".into(), json!({ "schemas": schemas }));
    }
    root
}

/// The compiled validator of a type, made once.
///
/// # Errors
/// `internal` when the published schema is not a valid one, which `every_contract_compiles` in tests rules out.
pub fn validator<T: ToSchema + 'static>() -> Result<Arc<Validator>, Problem> {
    validator_for(TypeId::of::<T>(), schema_of::<T>)
}

/// The compiled validator known by `key`, made of `schema` once.
///
/// # Errors
/// `internal` when it is not a valid schema.
pub fn validator_for(key: TypeId, schema: impl FnOnce() -> Value) -> Result<Arc<Validator>, Problem> {
    let internal = |reason: String| {
        tracing::error!(%reason, "a published schema cannot be compiled");
        Problem::new(ProblemKind::Internal)
    };
    if let Some(known) = VALIDATORS.read().map_err(|error| internal(error.to_string()))?.get(&key) {
        return Ok(known.clone());
    }
    let made = Arc::new(compile(&schema()).map_err(|error| internal(error.to_string()))?);
    VALIDATORS.write().map_err(|error| internal(error.to_string()))?.insert(key, made.clone());
    Ok(made)
}

/// A schema of ours, its formats checked.
///
/// # Errors
/// When it is not a valid schema.
pub fn compile(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().should_validate_formats(true).with_format("date", |text: &str| parse_date(text).is_some()).build(schema)
}

/// Every way in which `value` breaks the contract.
#[must_use]
pub fn errors(validator: &Validator, value: &Value, locale: Locale) -> Vec<FieldError> {
    validator.iter_errors(value).take(MOST_ERRORS).flat_map(|error| describe(&error, locale)).collect()
}

/// A checked and deserialised value.
///
/// # Errors
/// `invalid` naming every bad field.
pub fn read<T: ToSchema + DeserializeOwned + 'static>(value: Value, locale: Locale) -> Result<T, Problem> {
    let errors = errors(&*validator::<T>()?, &value, locale);
    if !errors.is_empty() {
        return Err(Problem::new(ProblemKind::Invalid).errors(errors));
    }
    typed(value)
}

/// A deserialised value that was checked before.
///
/// # Errors
/// `invalid` naming the first bad field.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    // Where it fails is looked for only then: to follow the path costs as much as to read.
    T::deserialize(&value).or_else(|_| serde_path_to_error::deserialize(value)).map_err(|error| {
        let path = error.path().to_string();
        let pointer = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
        Problem::field(pointer, "invalid", error.into_inner().to_string())
    })
}

fn describe(error: &ValidationError<'_>, locale: Locale) -> Vec<FieldError> {
    let pointer = error.instance_path().to_string();
    let below = |name: &str| format!("{pointer}/{}", escape(name));
    let one = |pointer: String, code: &str, detail: String| vec![FieldError { pointer, code: code.into(), detail }];
    match error.kind() {
        Kind::Required { property } => {
            let detail = locale.pick(["bắt buộc phải có", "is required", "必填"]);
            one(below(property.as_str().unwrap_or_default()), "required", detail.into())
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let detail = locale.pick(["không có trường này", "there is no such field", "没有此字段"]);
            unexpected.iter().flat_map(|name| one(below(name), "unknown_field", detail.into())).collect()
        }
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
            // A nullable reference is published as one of null and the type: the type's own errors are what helps.
            let inner: Vec<FieldError> = context.iter().flatten().filter(|inner| !matches!(inner.kind(), Kind::Type { .. })).flat_map(|inner| describe(inner, locale)).collect();
            if inner.is_empty() { one(pointer, "wrong_type", locale.pick(["sai kiểu dữ liệu", "has the wrong type", "类型错误"]).into()) } else { inner }
        }
        kind => {
            let (code, detail) = phrase(kind, locale);
            one(pointer, code, detail)
        }
    }
}

fn phrase(kind: &Kind, locale: Locale) -> (&'static str, String) {
    let with = |texts: [&'static str; 3], value: &dyn std::fmt::Display| format!("{} {value}", locale.pick(texts));
    match kind {
        Kind::Type { .. } => ("wrong_type", locale.pick(["sai kiểu dữ liệu", "has the wrong type", "类型错误"]).into()),
        Kind::MinLength { limit } => ("too_short", with(["số ký tự tối thiểu:", "the fewest characters allowed:", "最少字符数："], limit)),
        Kind::MaxLength { limit } => ("too_long", with(["số ký tự tối đa:", "the most characters allowed:", "最多字符数："], limit)),
        Kind::MinItems { limit } => ("too_few", with(["số phần tử tối thiểu:", "the fewest items allowed:", "最少项数："], limit)),
        Kind::MaxItems { limit } => ("too_many", with(["số phần tử tối đa:", "the most items allowed:", "最多项数："], limit)),
        Kind::Minimum { limit } | Kind::ExclusiveMinimum { limit } => ("too_small", with(["nhỏ nhất:", "the least allowed:", "最小值："], limit)),
        Kind::Maximum { limit } | Kind::ExclusiveMaximum { limit } => ("too_large", with(["lớn nhất:", "the greatest allowed:", "最大值："], limit)),
        Kind::Enum { options } => ("not_one_of", with(["phải là một trong:", "must be one of:", "必须是以下之一："], options)),
        Kind::Pattern { pattern } => ("pattern", with(["phải theo mẫu", "must match", "必须符合"], pattern)),
        Kind::Format { format } => ("format", with(["phải có dạng", "must have the format", "格式必须为"], format)),
        Kind::UniqueItems => ("repeated", locale.pick(["có phần tử lặp lại", "has repeated items", "有重复项"]).into()),
        _ => ("invalid", locale.pick(["không hợp lệ", "is not valid", "无效"]).into()),
    }
}
