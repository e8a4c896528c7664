//! What a record shows of records beside it: SQL that makes the embedded object, and the object. When the other record
//! changes, the one that shows it is touched, so that its change feed tells.

use diesel::sql_types::{Jsonb, Nullable};
use registrar_store::{Computed, StoreError, StoreResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A unit (đơn vị) as other records show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedUnit {
    /// The unit's id.
    pub id: Uuid,
    /// Its code; null while it is not known here.
    pub code: Option<String>,
    /// Its name; null while it is not known here.
    pub name: Option<String>,
}

/// A member of staff as classes and assignments show them; kept equal to the staff record by events (S0-017).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedStaff {
    /// The id of the staff record.
    pub id: Uuid,
    /// Staff code (số hiệu cán bộ); null while unresolved.
    pub code: Option<String>,
    /// Full name (họ và tên); null while unresolved.
    pub full_name: Option<String>,
    /// False while no staff record of this id has arrived here.
    pub resolved: bool,
}

/// A class (lớp) as other records show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedClass {
    /// The class's id.
    pub id: Uuid,
    /// Its name (tên lớp; S1-051).
    pub name: String,
}

/// The unit whose id `column` holds.
pub fn unit(column: &str, tenant: &str) -> Computed<Jsonb> {
    Computed::sql(format!(
        "coalesce((select jsonb_build_object('id', shown.id, 'code', shown.code, 'name', shown.name) from units shown \
         where shown.id = {column} and shown.tenant_id = {tenant}), jsonb_build_object('id', {column}))"
    ))
}

/// The member of staff whose id `column` holds; null when it holds none.
pub fn staff(column: &str, tenant: &str) -> Computed<Nullable<Jsonb>> {
    Computed::sql(format!(
        "case when {column} is not null then \
         coalesce((select jsonb_build_object('id', shown.id, 'code', shown.code, 'full_name', shown.full_name, 'resolved', true) from staff_copies shown \
         where shown.id = {column} and shown.tenant_id = {tenant}), jsonb_build_object('id', {column}, 'resolved', false)) end"
    ))
}

/// The class whose id `column` holds; null when it holds none.
pub fn class(column: &str, tenant: &str) -> Computed<Nullable<Jsonb>> {
    Computed::sql(format!("(select jsonb_build_object('id', shown.id, 'name', shown.name) from classes shown where shown.id = {column} and shown.tenant_id = {tenant})"))
}

/// The object that one of these made.
///
/// # Errors
/// [`StoreError::State`] when it is another one.
pub fn read<T: DeserializeOwned>(value: Value) -> StoreResult<T> {
    serde_json::from_value(value).map_err(|_| StoreError::Broken("an embedded record is not of its shape"))
}
