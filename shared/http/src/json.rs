//! JSON as it comes in: bounded, UTF-8, without NUL characters, text in NFC.

use serde_json::Value;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::{FieldError, Problem, ProblemKind};

/// Nesting allowed in a body; ours have four levels at most.
const DEPTH: usize = 16;

/// Reads a body.
///
/// # Errors
/// `malformed` for what is not JSON or nested too deeply, `invalid` naming each text with a NUL character.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| Problem::new(ProblemKind::Malformed).detail(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| Problem::new(ProblemKind::Malformed).detail(format!("not JSON at line {}, column {}", error.line(), error.column())))?;
    let mut errors = Vec::new();
    normalise(&mut value, &mut String::new(), 0, &mut errors)?;
    if errors.is_empty() { Ok(value) } else { Err(Problem::new(ProblemKind::Invalid).errors(errors)) }
}

/// Puts every text into NFC, so that a name typed on one system equals the same name typed on another.
fn normalise(value: &mut Value, pointer: &mut String, depth: usize, errors: &mut Vec<FieldError>) -> Result<(), Problem> {
    if depth > DEPTH {
        return Err(Problem::new(ProblemKind::Malformed).detail(format!("nested deeper than {DEPTH} levels")));
    }
    let length = pointer.len();
    match value {
        Value::String(text) if text.contains('\0') => {
            errors.push(FieldError { pointer: pointer.clone(), code: "nul_character".into(), detail: "text may not contain NUL characters".into() });
        }
        Value::String(text) if is_nfc_quick(text.chars()) != IsNormalized::Yes => *text = text.nfc().collect(),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                normalise(item, pointer, depth + 1, errors)?;
                pointer.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields.iter_mut() {
                pointer.push('/');
                pointer.push_str(&escape(name));
                normalise(item, pointer, depth + 1, errors)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A name as a JSON Pointer token (RFC 6901).
#[must_use]
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// In a merge patch an absent field and a null one are the same.
pub fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
    }
}

/// Applies a merge patch (RFC 7396) to an object.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(fields) = target {
        for (name, change) in changes {
            if change.is_null() {
                fields.remove(&name);
            } else {
                merge(fields.entry(name).or_insert(Value::Null), change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_nfd_arrive_in_nfc() {
        let decomposed = "{\"name\": \"Nguye\u{302}\u{303}n\"}";
        assert_eq!(parse(decomposed.as_bytes()).unwrap(), json!({"name": "Nguyễn"}));
    }

    #[test]
    fn what_is_not_json_is_told_where() {
        for (body, kind) in [
            (b"{".to_vec(), ProblemKind::Malformed),
            (b"\xff\xfe".to_vec(), ProblemKind::Malformed),
            (b"1e999".to_vec(), ProblemKind::Malformed),
            ("[".repeat(100).into_bytes(), ProblemKind::Malformed),
            (format!("{}{}", "[".repeat(40), "]".repeat(40)).into_bytes(), ProblemKind::Malformed),
            (b"{\"a\": \"x\\u0000\"}".to_vec(), ProblemKind::Invalid),
        ] {
            assert_eq!(parse(&body).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn merge_patch_follows_the_examples_of_rfc_7396() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [1]}), json!({"a": [2]}), json!({"a": [2]})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target;
            merge(&mut merged, patch);
            assert_eq!(merged, result);
        }
    }
}
