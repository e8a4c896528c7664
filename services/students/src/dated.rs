//! Pages of lists that are ordered by a date.

use chrono::NaiveDate;
use registrar_store::{Condition, PageRequest, StoreError, StoreResult};

/// The condition that a row comes after the cursor, by `column` (a date) and `id`; both are names of the program's own.
///
/// # Errors
/// [`StoreError::BadCursor`] when the cursor's key is no date.
pub fn after(page: &PageRequest, column: &str, id: &str) -> StoreResult<Option<Condition>> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let date: NaiveDate = cursor.key.parse().map_err(|_| StoreError::BadCursor)?;
    let order = if page.descending { "<" } else { ">" };
    Ok(Some(Condition::sql(format!("({column}, {id}) {order} (")).date(date).and_sql(", ").uuid(cursor.id).and_sql(")")))
}
