//! Telephone numbers.

use crate::TextError;
use crate::text_newtype::text_newtype;

text_newtype! {
    /// Telephone number (số điện thoại, 电话; S1-020, S1-067): 6 to 15 digits, with `+` in front if international.
    /// Spaces, dots, hyphens and parentheses are accepted and removed; nothing else is checked or rewritten.
    PhoneNumber {
        parse: parse,
        min: 6,
        max: 40,
        pattern: r"^[ .()-]*(\+[ .()-]*)?([0-9][ .()-]*){6,15}$",
        format: None,
        example: "0905123456",
    }
}

impl PhoneNumber {
    /// The number with everything but its last three digits hidden: `*******456`.
    #[must_use]
    pub fn masked(&self) -> String {
        let number = self.as_str();
        let hidden = number.len().saturating_sub(3);
        format!("{}{}", "*".repeat(hidden), number.get(hidden..).unwrap_or_default())
    }
}

fn parse(text: &str) -> Result<String, TextError> {
    let number: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-' | '(' | ')')).collect();
    if number.is_empty() {
        return Err(TextError::Empty);
    }
    let digits = number.strip_prefix('+').unwrap_or(&number);
    if (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) { Ok(number) } else { Err(TextError::NotAPhoneNumber) }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::PhoneNumber;
    use crate::TextError;

    #[test]
    fn separators_are_removed() {
        for (typed, number) in
            [("0905 123 456", "0905123456"), ("(0235) 3861-234", "02353861234"), ("+84.905.123.456", "+84905123456"), ("+86 138 0013 8000", "+8613800138000"), ("113114", "113114")]
        {
            assert_eq!(PhoneNumber::parse(typed).unwrap().as_str(), number);
        }
        assert_eq!(PhoneNumber::parse("0905 123 456").unwrap().masked(), "*******456");
        assert_eq!(PhoneNumber::parse(" "), Err(TextError::Empty));
        for bad in ["12345", "1234567890123456", "0905x123456", "84+905123456", "++84905123456", "０９０５１２３"] {
            assert_eq!(PhoneNumber::parse(bad), Err(TextError::NotAPhoneNumber), "{bad}");
        }
    }

    #[test]
    fn schema_agrees_with_parse() {
        let schema = jsonschema::validator_for(&serde_json::to_value(PhoneNumber::schema()).unwrap()).unwrap();
        for text in ["0905 123 456", "(0235) 3861-234", "+84.905.123.456", "12345", "0905x123456", "84+905123456", ""] {
            assert_eq!(schema.is_valid(&text.into()), PhoneNumber::parse(text).is_ok(), "{text}");
        }
    }
}
