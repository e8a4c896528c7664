//! Values that are a code with its list and version, and the macro that declares a field's type of them.

use chrono::NaiveDate;

use crate::list::{Entry, list, lists};

/// The form `scheme/version/code`, as a JSON Schema pattern.
pub const PATTERN: &str = r"^[a-z][a-z0-9-]*/[A-Za-z0-9.-]+/[A-Za-z0-9._-]+$";

/// Why a text is not a code of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Not of the form `scheme/version/code`.
    #[error("must have the form scheme/version/code, such as vn-ethnic/2008/01")]
    Malformed,
    /// There is no such list.
    #[error("there is no code list `{scheme}`")]
    UnknownScheme {
        /// The list's name as given.
        scheme: String,
    },
    /// The field takes codes of other lists.
    #[error("must be a code of {expected}")]
    WrongScheme {
        /// The lists whose codes it takes, separated by comma and space.
        expected: String,
    },
    /// The list has no such version.
    #[error("`{scheme}` has no version `{version}`; there is {expected}")]
    UnknownVersion {
        /// The list.
        scheme: &'static str,
        /// The version as given.
        version: String,
        /// The versions there are, separated by comma and space.
        expected: String,
    },
    /// The version has no such code.
    #[error("`{scheme}/{version}` has no code `{code}`")]
    UnknownCode {
        /// The list.
        scheme: &'static str,
        /// Its version.
        version: &'static str,
        /// The code as given.
        code: String,
    },
    /// The text is the name of no entry, or of several.
    #[error("`{label}` names no entry of {expected}, or more than one")]
    UnknownLabel {
        /// The text as given.
        label: String,
        /// The lists that were searched, separated by comma and space.
        expected: String,
    },
}

impl CodeError {
    /// The stable code of the error, for the `code` of a problem's entry.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownScheme { .. } => "unknown_scheme",
            Self::WrongScheme { .. } => "wrong_scheme",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::UnknownCode { .. } => "unknown_code",
            Self::UnknownLabel { .. } => "unknown_label",
        }
    }
}

/// The three parts of a value.
#[must_use]
pub fn split(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.split('/');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && three.iter().all(|part| !part.is_empty())).then_some(three)
}

/// The entry that a stored value stands for.
#[must_use]
pub fn entry(text: &str) -> Option<&'static Entry> {
    let [scheme, version, code] = split(text)?;
    list(scheme)?.version(version)?.entry(code)
}

/// The entry of exactly this value. `schemes` are the lists allowed; none means any.
///
/// # Errors
/// [`CodeError`], which names the part that is wrong.
pub fn find(text: &str, schemes: &[&str]) -> Result<&'static Entry, CodeError> {
    let [scheme, version, code] = split(text.trim()).ok_or(CodeError::Malformed)?;
    let list = list(scheme).ok_or_else(|| CodeError::UnknownScheme { scheme: scheme.to_owned() })?;
    if !schemes.is_empty() && !schemes.contains(&scheme) {
        return Err(CodeError::WrongScheme { expected: schemes.join(", ") });
    }
    let Some(version) = list.version(version) else {
        let expected: Vec<&str> = list.versions().map(|version| version.version).collect();
        return Err(CodeError::UnknownVersion { scheme: list.scheme, version: version.to_owned(), expected: expected.join(", ") });
    };
    version.entry(code).ok_or_else(|| CodeError::UnknownCode { scheme: list.scheme, version: version.version, code: code.to_owned() })
}

/// The entry that a person means: by its value, or by its name in any language in the version that holds on a day.
/// Earlier schemes go first. A bare code is not understood: it would mean nothing.
///
/// # Errors
/// [`CodeError`]; [`CodeError::UnknownLabel`] for a name that is unknown or ambiguous.
pub fn find_label(text: &str, schemes: &[&str], on: NaiveDate) -> Result<&'static Entry, CodeError> {
    if split(text.trim()).is_some_and(|[scheme, ..]| list(scheme).is_some()) {
        return find(text, schemes);
    }
    let unknown = || CodeError::UnknownLabel { label: text.to_owned(), expected: schemes.join(", ") };
    schemes.iter().filter_map(|scheme| list(scheme)).find_map(|list| list.current(on).find_label(text)).ok_or_else(unknown)
}

/// What OpenAPI says of a type: its own words, and where its codes are found.
#[must_use]
pub fn description(doc: &str, schemes: &[&str]) -> String {
    let schemes: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}`")).collect();
    let of = if schemes.is_empty() { "any code list".to_owned() } else { schemes.join(" or ") };
    format!("{doc}\n\nA code of {of}, written `scheme/version/code`; the codes are in `GET /v1/code-lists/{{scheme}}/codes`.")
}

/// A value of the first scheme's newest version.
#[must_use]
pub fn example(schemes: &[&str]) -> String {
    let list = schemes.first().map_or_else(|| lists().first(), |scheme| list(scheme));
    list.and_then(|list| list.newest().entries().get(1)).map(Entry::value).unwrap_or_default()
}

/// Declares a field's type whose values are codes of some lists, the first being the default.
///
/// In JSON and in the database a value is the text `scheme/version/code` and nothing else. What comes from the
/// database was checked when it was written and is trusted. The doc comment becomes the description in OpenAPI. The
/// calling crate needs `chrono`, `serde`, `diesel` and `utoipa` among its dependencies, and `registrar-domain`.
///
/// ```
/// registrar_codes::coded! {
///     /// Ethnic group (dân tộc, 民族).
///     EthnicGroup: ["vn-ethnic", "cn-ethnic"]
/// }
/// let kinh = EthnicGroup::parse("vn-ethnic/2008/01").unwrap();
/// assert_eq!(kinh.name(registrar_domain::Locale::Vi), "Kinh");
/// assert_eq!(EthnicGroup::parse("vn-religion/2008/01").unwrap_err().code(), "wrong_scheme");
/// ```
#[macro_export]
macro_rules! coded {
    ($( $(#[doc = $doc:expr])+ $name:ident: [$($scheme:literal),* $(,)?] )+) => { $(
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = ::diesel::sql_types::Text)]
        pub struct $name(String);

        impl $name {
            /// The lists whose codes it takes, the default one first; none means any.
            pub const SCHEMES: &'static [&'static str] = &[$($scheme),*];

            /// The value this text `scheme/version/code` stands for.
            ///
            /// # Errors
            /// [`CodeError`]($crate::CodeError), which names the part that is wrong.
            pub fn parse(text: &str) -> ::std::result::Result<Self, $crate::CodeError> {
                $crate::coded::find(text, Self::SCHEMES).map(|entry| Self(entry.value()))
            }

            /// The value that a person means by this text, such as a cell of a spreadsheet: the value itself, or the
            /// entry's name in any language in the version that holds on a day.
            ///
            /// # Errors
            /// [`CodeError`]($crate::CodeError), also for a name that several entries have.
            pub fn from_label(text: &str, on: ::chrono::NaiveDate) -> ::std::result::Result<Self, $crate::CodeError> {
                $crate::coded::find_label(text, Self::SCHEMES, on).map(|entry| Self(entry.value()))
            }

            /// The text `scheme/version/code`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text `scheme/version/code`, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }

            /// The list's name.
            #[must_use]
            pub fn scheme(&self) -> &str {
                $crate::coded::split(&self.0).map_or("", |[scheme, _, _]| scheme)
            }

            /// The list's version.
            #[must_use]
            pub fn version(&self) -> &str {
                $crate::coded::split(&self.0).map_or("", |[_, version, _]| version)
            }

            /// The bare code.
            #[must_use]
            pub fn code(&self) -> &str {
                $crate::coded::split(&self.0).map_or("", |[_, _, code]| code)
            }

            /// What the list says of it; nothing only when this program's lists are older than the value.
            #[must_use]
            pub fn entry(&self) -> ::std::option::Option<&'static $crate::Entry> {
                $crate::coded::entry(&self.0)
            }

            /// Its name in a language, or in another one when the list has none in this; the code when it has none.
            #[must_use]
            pub fn name(&self, locale: ::registrar_domain::Locale) -> &str {
                self.entry().map_or_else(|| self.code(), |entry| entry.names.pick(locale))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::CodeError;

            fn try_from(text: String) -> ::std::result::Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::CodeError;

            fn try_from(text: &str) -> ::std::result::Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::CodeError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
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
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(::serde::de::Error::custom)
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                ::utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(::utoipa::openapi::schema::Type::String)
                    .description(::std::option::Option::Some($crate::coded::description(concat!($($doc, "\n"),+).trim(), Self::SCHEMES)))
                    .max_length(::std::option::Option::Some(100))
                    .pattern(::std::option::Option::Some($crate::coded::PATTERN))
                    .examples([$crate::coded::example(Self::SCHEMES)])
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
                ::std::result::Result::Ok(Self(::std::str::from_utf8(value.as_bytes())?.to_owned()))
            }
        }
    )+ };
}

coded! {
    /// A code with its list and version (mã danh mục, 代码).
    CodedValue: []
}

#[cfg(test)]
mod tests;
