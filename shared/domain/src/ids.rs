//! Typed identifiers: a UUID that knows what it names, so that a class id cannot stand where a student id is meant.
//!
//! Ids are surrogate keys (UUID version 7: ordered by time of creation, which keeps indexes compact). What people call
//! a person or a class by (staff code, personal number) is data that can be corrected and is never an id.

/// Declares a typed identifier over [`uuid::Uuid`].
///
/// The type is `Copy`, ordered and hashable; in JSON it is the hyphenated lower-case text of the UUID; in OpenAPI a
/// string of format `uuid` whose description is the doc comment; in diesel it stands for `sql_types::Uuid`.
/// The calling crate needs `uuid`, `serde`, `diesel` and `utoipa` among its dependencies.
///
/// ```
/// registrar_domain::typed_id! {
///     /// Names one review of a staff record.
///     ReviewId
/// }
/// let id = ReviewId::new_v7();
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[macro_export]
macro_rules! typed_id {
    ($($(#[doc = $doc:expr])+ $name:ident)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow,
        )]
        #[serde(transparent)]
        #[diesel(sql_type = ::diesel::sql_types::Uuid)]
        pub struct $name(::uuid::Uuid);

        impl $name {
            /// A new id, ordered after those made before it (UUID version 7).
            #[must_use]
            pub fn new_v7() -> Self {
                Self(::uuid::Uuid::now_v7())
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> ::uuid::Uuid {
                self.0
            }
        }

        impl ::std::convert::From<::uuid::Uuid> for $name {
            fn from(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl ::std::convert::From<$name> for ::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::uuid::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                use ::utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                    .description(Some(concat!($($doc, "\n"),+).trim()))
                    .examples(["0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e"])
                    .into()
            }
        }

        impl ::utoipa::ToSchema for $name {}

        impl ::diesel::serialize::ToSql<::diesel::sql_types::Uuid, ::diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                <::uuid::Uuid as ::diesel::serialize::ToSql<
                    ::diesel::sql_types::Uuid,
                    ::diesel::pg::Pg,
                >>::to_sql(&self.0, out)
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Uuid, ::diesel::pg::Pg> for $name {
            fn from_sql(value: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                <::uuid::Uuid as ::diesel::deserialize::FromSql<
                    ::diesel::sql_types::Uuid,
                    ::diesel::pg::Pg,
                >>::from_sql(value).map(Self)
            }
        }
    )+};
}

typed_id! {
    /// Names a tenant: a root unit (a ministry, a school group) with its own policies. Every row carries it.
    TenantId

    /// Names a unit (đơn vị, 单位): a ministry, department, commune, school or campus. Immutable while name, parent and
    /// kind change with dates.
    UnitId

    /// Names an account (tài khoản, 账号), the login of a person or of a client app. Deleting an account deletes no
    /// person.
    AccountId

    /// Names a grant: one account's role in one unit and below, from one date to another.
    GrantId

    /// Names a session: one login of one account until it is ended or runs out.
    SessionId

    /// Names a staff record (hồ sơ nhân sự, 教师信息).
    StaffId

    /// Names a school year (năm học, 学年) of a tenant.
    SchoolYearId

    /// Names a class (lớp học, 班级) in one school year.
    ClassId

    /// Names a student record (hồ sơ học sinh, 学生).
    StudentId

    /// Names an enrolment (ghi danh, 学籍注册): one student in one class, with dates.
    EnrolmentId

    /// Names a teaching assignment (phân công giảng dạy, 任课安排): one member of staff, one class, one subject or the
    /// homeroom.
    AssignmentId

    /// Names an import job and the rows it brought.
    ImportId
}

#[cfg(test)]
mod tests {
    use super::{StaffId, StudentId};
    use utoipa::{PartialSchema, ToSchema};
    use uuid::Uuid;

    #[test]
    fn json_is_the_uuid_text() {
        let id = StaffId::from(Uuid::from_u128(0x0198_c5a2_7e1b_7c40_9d52_3f6a_8b1c_2d4e));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e\"");
        assert_eq!(serde_json::from_str::<StaffId>(&json).unwrap(), id);
        assert_eq!(id.to_string().parse::<StaffId>().unwrap(), id);
        assert!("not-a-uuid".parse::<StaffId>().is_err());
    }

    #[test]
    fn new_ids_are_ordered_by_time() {
        let ids: Vec<StudentId> = (0..1_000).map(|_| StudentId::new_v7()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.first().map(|id| id.as_uuid().get_version_num()), Some(7));
    }

    #[test]
    fn schema_is_a_described_uuid_string() {
        let schema = serde_json::to_value(StaffId::schema()).unwrap();
        assert_eq!(schema["type"], "string");
        assert_eq!(schema["format"], "uuid");
        assert!(schema["description"].as_str().unwrap().starts_with("Names a staff record"));
        assert_eq!(StaffId::name(), "StaffId");
    }
}
