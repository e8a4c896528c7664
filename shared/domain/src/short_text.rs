//! Free texts of one line, and links.

use crate::TextError;
use crate::text::clean;
use crate::text_newtype::text_newtype;

text_newtype! {
    /// Free text of one line, 1 to 300 characters, without control characters; white space is made single inner spaces.
    ShortText {
        parse: parse_short_text,
        min: 1,
        max: LONGEST,
        pattern: r"^[^\x00-\x1F\x7F]*[^\x00-\x20\x7F][^\x00-\x1F\x7F]*$",
        format: None,
        example: "Phường Hội An Tây, Thành phố Đà Nẵng",
    }
}

text_newtype! {
    /// Link (liên kết, 链接): an http or https address of at most 500 characters, without white space.
    WebAddress {
        parse: parse_web_address,
        min: 10,
        max: 500,
        pattern: r"^https?://\S+$",
        format: None,
        example: "https://files.example.edu.vn/photos/gv001.jpg",
    }
}

const LONGEST: usize = 300;

fn parse_short_text(text: &str) -> Result<String, TextError> {
    if text.trim().chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    let text = clean(text);
    match text.chars().count() {
        0 => Err(TextError::Empty),
        count if count > LONGEST => Err(TextError::TooLong { max: LONGEST }),
        _ => Ok(text),
    }
}

fn parse_web_address(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    if text.chars().count() > 500 {
        return Err(TextError::TooLong { max: 500 });
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    if rest.is_empty() || rest.chars().any(|letter| letter.is_whitespace() || letter.is_control()) { Err(TextError::NotAWebAddress) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_text_is_cleaned() {
        assert_eq!(ShortText::parse("  Tổ   Toán – Tin ").unwrap().as_str(), "Tổ Toán – Tin");
        for (text, error) in [("  ", TextError::Empty), ("a\nb", TextError::ControlCharacter), (&*"x".repeat(301), TextError::TooLong { max: 300 })] {
            assert_eq!(ShortText::parse(text), Err(error));
        }
    }

    #[test]
    fn a_link_is_of_the_web() {
        assert!(WebAddress::parse("https://example.vn/a.jpg").is_ok());
        for text in ["", "https://", "javascript:alert(1)", "file:///etc/passwd", "http://a b"] {
            assert_eq!(WebAddress::parse(text), Err(TextError::NotAWebAddress), "{text}");
        }
    }
}
