//! Enumerations that travel as short stable texts.

/// A text that is none of the codes of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not one of: {expected}")]
pub struct UnknownCode {
    /// The text that was given.
    pub value: String,
    /// The codes that are known, separated by comma and space.
    pub expected: String,
}

impl UnknownCode {
    /// The error for `value` where one of `expected` was needed.
    #[must_use]
    pub fn new(value: &str, expected: &[&str]) -> Self {
        Self { value: value.to_owned(), expected: expected.join(", ") }
    }
}

/// Declares an enumeration whose values are stable text codes.
///
/// In JSON and in the database a value is its code and nothing else. `FromStr`, made for files and command lines, also
/// accepts the code in any case and the labels given after `|` (written as [`crate::text::comparison_key`] gives them).
/// The doc comments of the type and its values become the description in OpenAPI. The calling crate needs `serde`,
/// `diesel` and `utoipa` among its dependencies.
///
/// ```
/// registrar_domain::text_enum! {
///     /// Term of a school year (học kỳ, 学期).
///     Term {
///         /// First term (học kỳ I).
///         First = "first" | "học kỳ i",
///         /// Second term (học kỳ II).
///         Second = "second",
///     }
/// }
/// assert_eq!("Học kỳ I".parse(), Ok(Term::First));
/// assert_eq!(Term::Second.as_str(), "second");
/// ```
#[macro_export]
macro_rules! text_enum {
    (
        $(#[doc = $doc:expr])+
        $name:ident {
            $( $(#[doc = $value_doc:expr])+ $value:ident = $code:literal $(| $label:literal)* ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = ::diesel::sql_types::Text)]
        pub enum $name {
            $( $(#[doc = $value_doc])+ $value, )+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The codes of [`Self::ALL`], in the same order.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// The code, as in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$value => $code, )+
                }
            }

            /// The value of exactly this code; no other spelling, no label.
            ///
            /// # Errors
            /// [`UnknownCode`]($crate::UnknownCode) for any other text.
            pub fn from_code(code: &str) -> ::std::result::Result<Self, $crate::UnknownCode> {
                match code {
                    $( $code => ::std::result::Result::Ok(Self::$value), )+
                    _ => ::std::result::Result::Err($crate::UnknownCode::new(code, Self::CODES)),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownCode;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                let key = $crate::text::comparison_key(text);
                $(
                    if key.eq_ignore_ascii_case($code) $(|| key == $label)* {
                        return ::std::result::Result::Ok(Self::$value);
                    }
                )+
                ::std::result::Result::Err($crate::UnknownCode::new(text, Self::CODES))
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let code = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::from_code(&code).map_err(::serde::de::Error::custom)
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                ::utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(::utoipa::openapi::schema::Type::String)
                    .enum_values(::std::option::Option::Some(Self::CODES.iter().copied()))
                    .description(::std::option::Option::Some(
                        concat!($($doc, "\n"),+ $(, "\n* `", $code, "`:" $(, $value_doc)+)+).trim(),
                    ))
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
                    self.as_str(),
                    out,
                )
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn from_sql(value: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                let code = ::std::str::from_utf8(value.as_bytes())?;
                ::std::result::Result::Ok(Self::from_code(code)?)
            }
        }
    };
}
