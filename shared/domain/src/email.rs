//! E-mail addresses.

use utoipa::openapi::schema::KnownFormat;

use crate::TextError;
use crate::text_newtype::text_newtype;

text_newtype! {
    /// E-mail address (thư điện tử, 电子邮箱; S1-021): at most 254 characters, one `@` with something on both sides, no
    /// white space or control characters. The domain is stored in lower case, the local part as typed. Only a message
    /// that arrives proves an address.
    EmailAddress {
        parse: parse,
        min: 3,
        max: MAX,
        pattern: r"^[^@\s]+@[^@\s]+$",
        format: Some(KnownFormat::Email),
        example: "thuy.nguyen@example.edu.vn",
    }
}

impl EmailAddress {
    /// The address with its local part hidden: `***@example.edu.vn`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("***@{}", self.as_str().rsplit_once('@').map_or("", |(_, domain)| domain))
    }
}

/// RFC 5321 section 4.5.3.1.3 (256 octets of path, less the angle brackets).
const MAX: usize = 254;

fn parse(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX {
        return Err(TextError::TooLong { max: MAX });
    }
    let (local, domain) = text.split_once('@').ok_or(TextError::NotAnEmailAddress)?;
    let clean = |c: char| c != '@' && !c.is_whitespace() && !c.is_control();
    let named = domain.split('.').all(|label| !label.is_empty());
    if local.is_empty() || !named || !local.chars().chain(domain.chars()).all(clean) {
        return Err(TextError::NotAnEmailAddress);
    }
    Ok(format!("{local}@{}", domain.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::EmailAddress;
    use crate::TextError;

    #[test]
    fn only_the_domain_is_lowered() {
        assert_eq!(EmailAddress::parse(" Thuy.N@Example.EDU.VN ").unwrap().as_str(), "Thuy.N@example.edu.vn");
        assert_eq!(EmailAddress::parse("thuy@example.vn").unwrap().masked(), "***@example.vn");
        for bad in ["@", "a@", "@b", "a b@c.vn", "a@b@c", "ab.vn", "a@b..vn", "a@.vn", "a\0@b.vn"] {
            assert_eq!(EmailAddress::parse(bad), Err(TextError::NotAnEmailAddress), "{bad}");
        }
        assert_eq!(EmailAddress::parse(&format!("{}@b.vn", "a".repeat(250))), Err(TextError::TooLong { max: 254 }));
        assert_eq!(EmailAddress::parse(""), Err(TextError::Empty));
    }

    #[test]
    fn schema_catches_what_it_can() {
        let schema = jsonschema::validator_for(&serde_json::to_value(EmailAddress::schema()).unwrap()).unwrap();
        assert!(schema.is_valid(&"thuy.nguyen@example.edu.vn".into()));
        for bad in ["", "a b@c.vn", "a@b@c", "ab.vn"] {
            assert!(!schema.is_valid(&bad.into()), "{bad}");
        }
    }
}
