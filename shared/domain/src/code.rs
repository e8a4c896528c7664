//! Codes that units give to their staff, classes and students.

use crate::TextError;
use crate::text::clean;
use crate::text_newtype::text_newtype;

text_newtype! {
    /// Code of a unit, a class, a member of staff or a student (mã, số hiệu; 编号): opaque text of 1 to 50 characters.
    /// Leading zeros count; the parts of official codes have lost their meaning with the mergers of 2025 and are never
    /// read. No control characters; white space is made single inner spaces.
    Code {
        parse: parse,
        min: 1,
        max: MAX,
        pattern: r"^[^\x00-\x1F\x7F]*[^\x00-\x20\x7F][^\x00-\x1F\x7F]*$",
        format: None,
        example: "7407137235",
    }
}

const MAX: usize = 50;

fn parse(text: &str) -> Result<String, TextError> {
    if text.trim().chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    let code = clean(text);
    if code.is_empty() {
        return Err(TextError::Empty);
    }
    if code.chars().count() > MAX {
        return Err(TextError::TooLong { max: MAX });
    }
    Ok(code)
}

impl Code {
    /// The key on which two codes are the same: case, spacing and tone placement folded (`10a1` is `10A1`).
    #[must_use]
    pub fn comparison_key(&self) -> String {
        crate::text::comparison_key(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::Code;
    use crate::TextError;

    #[test]
    fn codes_are_opaque_text() {
        assert_eq!(Code::parse(" 0012345678 ").unwrap().as_str(), "0012345678");
        assert_eq!(Code::parse("10A1").unwrap().comparison_key(), Code::parse("10a1").unwrap().comparison_key());
        assert_eq!(Code::parse("Lá  2").unwrap().as_str(), "Lá 2");
        assert_eq!(Code::parse("a\tb"), Err(TextError::ControlCharacter));
        assert_eq!(Code::parse(""), Err(TextError::Empty));
        assert_eq!(Code::parse(&"9".repeat(51)), Err(TextError::TooLong { max: 50 }));
    }

    #[test]
    fn schema_catches_what_it_can() {
        let schema = jsonschema::validator_for(&serde_json::to_value(Code::schema()).unwrap()).unwrap();
        for good in ["7407137235", "10A1", "Lá 2", "七班", "x"] {
            assert!(schema.is_valid(&good.into()), "{good}");
        }
        for bad in ["", " ", "a\tb", "a\nb", "a\u{0}"] {
            assert!(!schema.is_valid(&bad.into()), "{bad:?}");
        }
    }
}
