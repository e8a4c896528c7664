//! Rights that follow from a class and not from a grant: its homeroom teacher (giáo viên chủ nhiệm, S1-053) and who
//! teaches in it today (S1-071) may read it and its students. Nothing of this writes, and nothing of it shows
//! sensitive fields. A member of staff who has left derives nothing.

use registrar_access::{Access, Action};
use registrar_store::{Condition, StoreResult};
use uuid::Uuid;

/// Refuses to show records of a kind to somebody who neither holds a role for it nor is a member of staff, who may be
/// shown those of their own classes.
///
/// # Errors
/// [`registrar_store::StoreError::Forbidden`], [`registrar_store::StoreError::AuthorityStale`].
pub fn require_read(access: &Access, action: Action) -> StoreResult<()> {
    if access.staff.is_some() { access.require_fresh(action) } else { access.require(action) }
}

/// `granted`, or what follows from the caller's classes. `class` is an SQL expression of a class's id.
#[must_use]
pub fn or_own_class(access: &Access, action: Action, granted: Condition, reach: Reach, class: &str) -> Condition {
    match access.staff {
        Some(staff) if !access.reaches_whole_tenant(action) => granted.or(own_class(access, staff.into(), reach, class)),
        _ => granted,
    }
}

/// Which of a class's teachers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The homeroom teacher.
    Homeroom,
    /// The homeroom teacher and everybody who teaches in the class today.
    Teaching,
}

/// An array of classes, so that the planner may look up both sides of the "or" in their indexes.
fn own_class(access: &Access, staff: Uuid, reach: Reach, class: &str) -> Condition {
    let tenant = Uuid::from(access.tenant);
    let condition =
        Condition::sql(format!("{class} = any(array(select own.id from classes own where own.tenant_id = ")).uuid(tenant).and_sql(" and own.homeroom_teacher_id = ").uuid(staff);
    let condition = match reach {
        Reach::Homeroom => condition,
        Reach::Teaching => condition
            .and_sql(" union select own.id from assignments taught join classes own on own.id = taught.class_id and own.tenant_id = taught.tenant_id where taught.tenant_id = ")
            .uuid(tenant)
            .and_sql(" and taught.status = 'active' and taught.staff_id = ")
            .uuid(staff)
            .and_sql(" and ")
            .date(access.today)
            .and_sql(" between taught.valid_from and coalesce(taught.valid_to, 'infinity')"),
    };
    Condition::sql("(").followed_by(condition).and_sql(")) and not exists (select 1 from staff_copies gone where gone.status = 'ended' and gone.id = ").uuid(staff).and_sql("))")
}
