//! Every query that reads guardians; [`super::writes`] has those that write them. What somebody may do with a guardian
//! follows from the guardian's children.

use std::collections::{BTreeSet, HashMap};

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper, dsl::AsSelect, pg::Pg, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_domain::{PhoneNumber, StudentId};
use registrar_store::{
    Computed, Condition, Connection, Page, PageRequest, StoreError, StoreResult,
    condition::contains_words,
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use uuid::Uuid;

use super::model::{GuardianId, GuardianRecord, ShownGuardian, keep_students, students_in};
use crate::{
    derived,
    schema::{guardians, students},
    students::store::{RECORD, visible as visible_student},
};

/// The aggregate's name, in the history.
pub const AGGREGATE: &str = "students.guardian";

/// Fields that only those with the right to them see, each time logged.
const SENSITIVE: [&str; 4] = ["personal_number", "phone", "email", "address"];

/// The children of a guardian; a condition on `students` and `c` comes after it.
const CHILDREN: &str = "guardianships c join students on students.id = c.student_id and students.tenant_id = c.tenant_id \
                        where c.guardian_id = guardians.id and c.tenant_id = guardians.tenant_id and ";

/// What only one guardian of a child is.
const SINGULAR: &str = "unnest(array['father', 'mother', 'primary_contact']) as told (what)";

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct GuardianFilter {
    /// Words of the name, accents ignored.
    pub name: Option<String>,
    /// The child.
    pub student: Option<StudentId>,
    /// The phone, exactly.
    pub phone: Option<PhoneNumber>,
    /// Only the guardians whose sensitive fields the caller may see.
    pub sensitive: bool,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["name"];

/// The condition that one of the guardian's children meets this one.
fn through(child: Condition) -> Condition {
    Condition::sql(format!("exists (select 1 from {CHILDREN}")).followed_by(child).and_sql(")")
}

/// The condition that the caller may see a guardian: that they may read the record of a child, be it a former one.
fn visible(access: &Access) -> Condition {
    // Asked of guardian after guardian in the order of a list: `offset 0` keeps PostgreSQL from joining all the children a
    // department sees for one page (3.3 s among 590,000 guardians, where this takes 3 ms, and 0.7 s for a teacher).
    through(visible_student(access).and_sql(" offset 0"))
}

/// The condition that the caller may do `action`, more than see: with a child of today; with any one once there is none.
pub(crate) fn permitted(access: &Access, action: Action) -> Condition {
    let of_today = Condition::sql("(")
        .date(access.today)
        .and_sql(" between c.valid_from and c.valid_to or not exists (select 1 from guardianships n where n.guardian_id = guardians.id and n.tenant_id = guardians.tenant_id and ")
        .date(access.today)
        .and_sql(" between n.valid_from and n.valid_to)) and ");
    through(of_today.followed_by(access.narrow(action, &RECORD)))
}

/// The ids of the children the caller sees.
fn seen(access: &Access) -> Computed<sql_types::Array<sql_types::Text>> {
    Condition::sql(format!("array(select c.student_id::text from {CHILDREN}")).followed_by(visible_student(access)).and_sql(")").into()
}

/// What another guardian of a child the caller sees is today as well, and only one should be.
fn warnings(access: &Access) -> Computed<sql_types::Array<sql_types::Text>> {
    let is = |row: &str| format!(" between {row}.valid_from and {row}.valid_to and ({row}.relation = told.what or (told.what = 'primary_contact' and {row}.primary_contact))");
    let twice = Condition::sql(format!("array(select 'another_' || told.what from {SINGULAR} where exists (select 1 from {CHILDREN}"))
        .date(access.today)
        .and_sql(is("c"))
        .and_sql(" and exists (select 1 from guardianships o where o.tenant_id = c.tenant_id and o.student_id = c.student_id and o.guardian_id <> c.guardian_id and ")
        .date(access.today)
        .and_sql(is("o"))
        .and_sql(") and ")
        .followed_by(visible_student(access))
        .and_sql("))");
    twice.into()
}

/// A guardian as it is selected for a caller.
type Shown = (AsSelect<GuardianRecord, Pg>, Computed<sql_types::Array<sql_types::Text>>, Computed<sql_types::Array<sql_types::Text>>);
type ShownRow = (GuardianRecord, Vec<String>, Vec<String>);

fn shown(access: &Access) -> Shown {
    (GuardianRecord::as_select(), seen(access), warnings(access))
}

fn read((record, seen, warnings): ShownRow) -> ShownGuardian {
    ShownGuardian { record, seen: seen.iter().filter_map(|id| id.parse().ok()).collect(), warnings }
}

fn filtered<'a>(access: &Access, filter: &'a GuardianFilter) -> guardians::BoxedQuery<'a, Pg> {
    // Through that child and no other: a guardian seen through a child here does not tell of siblings elsewhere.
    let visible = match filter.student {
        Some(student) => through(Condition::sql("c.student_id = ").uuid(student.into()).and_sql(" and ").followed_by(visible_student(access))),
        None => visible(access),
    };
    let mut query = guardians::table.into_boxed().filter(guardians::tenant_id.eq(Uuid::from(access.tenant))).filter(visible);
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("guardians.name_search", name));
    }
    if let Some(phone) = &filter.phone {
        query = query.filter(guardians::phone.eq(phone));
    }
    if filter.sensitive || filter.phone.is_some() {
        query = query.filter(permitted(access, Action::StudentsReadSensitive));
    }
    query
}

/// The guardians the caller may see, a page of them. Who looks for a phone finds the guardians whose phone they may see,
/// which is logged.
///
/// # Errors
/// [`StoreError::Forbidden`] when nothing lets the caller see students at all, or any phone when they look for one.
pub async fn list(conn: &mut Connection, access: &Access, filter: &GuardianFilter, page: &PageRequest) -> StoreResult<Page<ShownGuardian>> {
    derived::require_read(access, Action::StudentsRead)?;
    if filter.phone.is_some() {
        access.require(Action::StudentsReadSensitive)?;
    }
    let mut query = filtered(access, filter).select(shown(access));
    if let Some(after) = page.keyset("guardians.name_sort", "guardians.id") {
        query = query.filter(after);
    }
    query = if page.descending { query.order((guardians::name_sort.desc(), guardians::id.desc())) } else { query.order((guardians::name_sort.asc(), guardians::id.asc())) };
    let rows: Vec<ShownRow> = page.cut(query).load(conn).await?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    let found = page.page(rows.into_iter().map(read).collect(), total, |row| (row.record.entered.full_name.sort_key(), row.record.id));
    if filter.phone.is_some() && !found.items.is_empty() {
        access.log_read(conn, AGGREGATE, found.items.iter().map(|row| row.record.id).collect(), &["phone"]).await?;
    }
    Ok(found)
}

/// One guardian.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: GuardianId) -> StoreResult<ShownGuardian> {
    Ok(readable(conn, access, id, Action::StudentsRead).await?.0)
}

/// One guardian with personal number and contacts, which is logged.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`] when the caller may see the record without them only.
pub async fn find_sensitive(conn: &mut Connection, access: &Access, id: GuardianId) -> StoreResult<ShownGuardian> {
    access.require_fresh(Action::StudentsReadSensitive)?;
    let (guardian, may) = readable(conn, access, id, Action::StudentsReadSensitive).await?;
    if !may {
        return Err(StoreError::Forbidden(Action::StudentsReadSensitive.as_str()));
    }
    log_read(conn, access, vec![guardian.record.id]).await?;
    Ok(guardian)
}

/// Notes that the sensitive fields of these guardians are read.
///
/// # Errors
/// [`StoreError::AuthorityStale`]; otherwise only when the database cannot be asked.
pub async fn log_read(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<()> {
    access.require_fresh(Action::StudentsReadSensitive)?;
    access.log_read(conn, AGGREGATE, ids, &SENSITIVE).await
}

/// A guardian the caller may see, and whether they may also do `action` with the record.
async fn readable(mut conn: &Connection, access: &Access, id: GuardianId, action: Action) -> StoreResult<(ShownGuardian, bool)> {
    derived::require_read(access, Action::StudentsRead)?;
    let (record, seen, warnings) = shown(access);
    let (record, seen, warnings, may): (GuardianRecord, Vec<String>, Vec<String>, bool) = guardians::table
        .filter(guardians::id.eq(Uuid::from(id)).and(guardians::tenant_id.eq(Uuid::from(access.tenant))))
        .filter(visible(access))
        .select((record, seen, warnings, permitted(access, action)))
        .first(&mut conn)
        .await?;
    Ok((read((record, seen, warnings)), may))
}

/// A guardian the caller may change: one with a child whose record they may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: GuardianId) -> StoreResult<ShownGuardian> {
    access.require_fresh(Action::StudentsWrite)?;
    let (guardian, may) = readable(conn, access, id, Action::StudentsWrite).await?;
    if may { Ok(guardian) } else { Err(StoreError::Forbidden(Action::StudentsWrite.as_str())) }
}

/// The latest state of the guardians changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<ShownGuardian>> {
    derived::require_read(access, Action::StudentsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<ShownRow> = guardians::table
        .filter(guardians::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .filter(feed::after("guardians", from))
        .order((guardians::change_xid, guardians::change_sequence))
        .limit(limit + 1)
        .select(shown(access))
        .load(conn)
        .await?;
    let rows = rows.into_iter().map(read).collect();
    Ok(feed::page(from, limit, rows, |row: &ShownGuardian| (row.record.change_xid, row.record.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first; of children, what concerns those the caller sees.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: GuardianId) -> StoreResult<Vec<HistoryEntry>> {
    let (_, may) = readable(conn, access, id, Action::StudentsReadSensitive).await?;
    let sensitive = may && access.require_fresh(Action::StudentsReadSensitive).is_ok();
    let hidden: &[&str] = if sensitive { &[] } else { &SENSITIVE };
    if sensitive {
        log_read(conn, access, vec![id.into()]).await?;
    }
    let mut entries = history::entries(conn, AGGREGATE, "guardians", id.into(), hidden).await?;
    let seen: BTreeSet<Uuid> = children(conn, access, students_in(&entries)).await?.into_iter().map(|(student, _)| student).collect();
    keep_students(&mut entries, &seen);
    Ok(entries)
}

/// The guardians that meet a condition and whom the caller may see, and whether they may change each; for imports, which
/// lock them in the order of their ids.
///
/// # Errors
/// Only when the database cannot be asked.
pub(crate) async fn to_change(conn: &mut Connection, access: &Access, condition: Condition) -> StoreResult<Vec<(GuardianRecord, bool)>> {
    Ok(guardians::table
        .filter(guardians::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(condition)
        .filter(visible(access))
        .order(guardians::id)
        .select((GuardianRecord::as_select(), permitted(access, Action::StudentsWrite)))
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// How many guardians the students of each of these units have.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    #[derive(diesel::QueryableByName)]
    struct Counted {
        #[diesel(sql_type = sql_types::Uuid)]
        unit_id: Uuid,
        #[diesel(sql_type = sql_types::BigInt)]
        guardians: i64,
    }
    const COUNT: &str = "select s.unit_id, count(distinct c.guardian_id) as guardians
        from guardianships c join students s on s.id = c.student_id and s.tenant_id = c.tenant_id
        where c.tenant_id = $1 and s.unit_id = any($2)
        group by s.unit_id";
    let rows: Vec<Counted> =
        diesel::sql_query(COUNT).bind::<sql_types::Uuid, _>(Uuid::from(access.tenant)).bind::<sql_types::Array<sql_types::Uuid>, _>(units.to_vec()).load(conn).await?;
    Ok(rows.into_iter().map(|row| (row.unit_id, row.guardians)).collect())
}

/// Those of these students whose records the caller may read, and whether they may change them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn children(conn: &mut Connection, access: &Access, ids: BTreeSet<Uuid>) -> StoreResult<Vec<(Uuid, bool)>> {
    Ok(students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::id.eq_any(ids)))
        .filter(visible_student(access))
        .select((students::id, access.narrow(Action::StudentsWrite, &RECORD)))
        .load(conn)
        .await?)
}
