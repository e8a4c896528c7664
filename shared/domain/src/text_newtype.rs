//! Short texts that are validated once and trusted afterwards.

/// Why a text is not a valid value of a text type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must not be longer than {max} characters")]
    TooLong {
        /// The greatest number of characters (Unicode scalar values) allowed.
        max: usize,
    },
    /// A control character (Unicode category Cc) is inside.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// No letter of any script is inside.
    #[error("must contain at least one letter")]
    NoLetter,
    /// Not the form of a telephone number.
    #[error("must be a telephone number of 6 to 15 digits, with `+` in front if international")]
    NotAPhoneNumber,
    /// Not the form of an e-mail address.
    #[error("must be an e-mail address")]
    NotAnEmailAddress,
    /// Not an http or https address.
    #[error("must be an http or https address")]
    NotAWebAddress,
    /// Not two years in order.
    #[error("must be two years in order, 1 to 12 apart, such as 2021-2026")]
    NotACohort,
}

impl TextError {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::ControlCharacter => "control_character",
            Self::NoLetter => "no_letter",
            Self::NotAPhoneNumber => "not_a_phone_number",
            Self::NotAnEmailAddress => "not_an_email_address",
            Self::NotAWebAddress => "not_a_web_address",
            Self::NotACohort => "not_a_cohort",
        }
    }
}

/// Declares a text type: a `String` that passed `parse`, with JSON, OpenAPI and diesel support.
///
/// `parse` normalises the text or says why it is refused; what comes from the database was parsed when it was written
/// and is trusted. `pattern`, `min`, `max` and `example` go into the JSON Schema: the schema may be wider than `parse`,
/// never narrower for a normalised value.
macro_rules! text_newtype {
    (
        $(#[doc = $doc:expr])+
        $name:ident {
            parse: $parse:path,
            min: $min:literal,
            max: $max:expr,
            pattern: $pattern:expr,
            format: $format:expr,
            example: $example:literal,
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = ::diesel::sql_types::Text)]
        pub struct $name(String);

        impl $name {
            /// The value this text stands for, normalised.
            ///
            /// # Errors
            /// [`TextError`](crate::TextError), which names the rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, $crate::TextError> {
                $parse(text).map(Self)
            }

            /// The normalised text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The normalised text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::TextError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::TextError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(::serde::de::Error::custom)
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                let format: Option<::utoipa::openapi::schema::KnownFormat> = $format;
                ::utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(::utoipa::openapi::schema::Type::String)
                    .format(format.map(::utoipa::openapi::schema::SchemaFormat::KnownFormat))
                    .description(Some(concat!($($doc, "\n"),+).trim()))
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        impl ::utoipa::ToSchema for $name {}

        impl ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                <str as ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg>>::to_sql(
                    self.0.as_str(),
                    out,
                )
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn from_sql(value: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                Ok(Self(::std::str::from_utf8(value.as_bytes())?.to_owned()))
            }
        }
    };
}

pub(crate) use text_newtype;
