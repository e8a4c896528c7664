//! How a personal number travels: in JSON, in the contract, in the database.

use std::borrow::Cow;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::PersonalNumber;

impl Serialize for PersonalNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.number)
    }
}

impl<'de> Deserialize<'de> for PersonalNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for PersonalNumber {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Personal identification number as text: 12 digits in Viet Nam (số định danh cá nhân, TT \
                 59/2021/TT-BCA), 18 characters with a check character in China (居民身份证号码, GB 11643). Sensitive.",
            ))
            .min_length(Some(12))
            .max_length(Some(18))
            .pattern(Some("^([0-9]{12}|[0-9]{17}[0-9Xx])$"))
            .examples(["087084000999", "11010519491231002X"])
            .into()
    }
}

impl ToSchema for PersonalNumber {}

impl ToSql<Text, Pg> for PersonalNumber {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(&self.number, out)
    }
}

impl FromSql<Text, Pg> for PersonalNumber {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::parse(std::str::from_utf8(value.as_bytes())?)?)
    }
}
