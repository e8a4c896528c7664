//! The facts about the assignments of a school in a school year.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, dsl::sql, sql_types::Date};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_codes::fields::Subject;
use registrar_domain::{EducationLevel, SchoolYearId, UnitId};
use registrar_store::{Connection, StoreError, StoreResult};
use uuid::Uuid;

use super::{ClassFacts, Days, Facts, Taught};
use crate::{
    assignments::store::RECORD,
    classes,
    embedded::{NamedClass, NamedStaff},
    schema::{assignments, classes as class_table, staff_copies},
    school_years,
};

/// Classes looked at: more than any school has in a year.
const MOST_CLASSES: i64 = 1000;

/// The first and the last day of an assignment's class.
const CLASS: &str = "from classes c join school_years y on y.id = c.school_year_id where c.id = assignments.class_id and c.tenant_id = assignments.tenant_id";

/// The facts, and what their ids stand for.
#[derive(Debug)]
pub struct Checked {
    /// The school year.
    pub days: Days,
    /// The facts.
    pub facts: Facts,
    /// The classes.
    pub classes: BTreeMap<Uuid, NamedClass>,
    /// The teachers that are known here.
    pub staff: BTreeMap<Uuid, NamedStaff>,
}

/// The classes of a unit in a school year, and what their teachers teach, there and elsewhere: all that the caller may
/// see, by grants alone.
///
/// # Errors
/// [`StoreError::NotFound`] for a unit or school year the caller may not know of, [`StoreError::Forbidden`].
pub async fn facts(conn: &mut Connection, access: &Access, unit: UnitId, year: SchoolYearId) -> StoreResult<Checked> {
    access.require(Action::AssignmentsRead)?;
    access.in_unit(conn, Action::AssignmentsRead, unit, None).await.map_err(|error| match error {
        StoreError::NotYetKnown(_) => StoreError::NotFound,
        error => error,
    })?;
    let year = school_years::store::find(conn, access, year).await?;
    let days = Days::new(year.columns.starts_on, year.columns.ends_on).ok_or(StoreError::Broken("a school year ends before it begins"))?;
    let (looked_at, classes) = classes_of(conn, access, unit, year.id, days).await?;
    let taught = taught(conn, access, classes.keys().copied().collect(), days).await?;
    let ids = taught.iter().map(|taught| taught.staff).chain(looked_at.iter().filter_map(|class| class.homeroom_teacher)).collect();
    let (staff, left) = staff(conn, access, ids).await?;
    Ok(Checked { days, facts: Facts { classes: looked_at, taught, left }, classes, staff })
}

async fn classes_of(conn: &mut Connection, access: &Access, unit: UnitId, year: Uuid, days: Days) -> StoreResult<(Vec<ClassFacts>, BTreeMap<Uuid, NamedClass>)> {
    type Row = (Uuid, String, EducationLevel, Option<i16>, Option<Uuid>, Option<NaiveDate>);
    let rows: Vec<Row> = class_table::table
        .filter(class_table::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(class_table::unit_id.eq(Uuid::from(unit)).and(class_table::school_year_id.eq(year)))
        .filter(access.narrow(Action::AssignmentsRead, &classes::store::RECORD))
        .order((class_table::name_sort, class_table::id))
        .limit(MOST_CLASSES)
        .select((class_table::id, class_table::name, class_table::education_level, class_table::grade, class_table::homeroom_teacher_id, class_table::ended_on))
        .load(conn)
        .await?;
    let mut named = BTreeMap::new();
    let mut looked_at = Vec::with_capacity(rows.len());
    for (id, name, level, grade, homeroom_teacher, ended_on) in rows {
        // A class that ended before the year began has no days in it.
        let Some(days) = Days::new(days.from, ended_on.map_or(days.to, |ended| ended.min(days.to))) else { continue };
        named.insert(id, NamedClass { id, name });
        looked_at.push(ClassFacts { id, level, grade, days, homeroom_teacher });
    }
    Ok((looked_at, named))
}

/// What the teachers of these classes teach within these days, while the class lasts.
async fn taught(conn: &mut Connection, access: &Access, classes: Vec<Uuid>, days: Days) -> StoreResult<Vec<Taught>> {
    let visible = || assignments::table.filter(assignments::tenant_id.eq(Uuid::from(access.tenant))).filter(access.narrow(Action::AssignmentsRead, &RECORD));
    let teachers: Vec<Uuid> = visible().filter(assignments::class_id.eq_any(classes)).select(assignments::staff_id).distinct().load(conn).await?;
    type Row = (Uuid, Uuid, Subject, EducationLevel, i16, NaiveDate, Option<NaiveDate>, NaiveDate, NaiveDate);
    let rows: Vec<Row> = visible()
        .filter(assignments::staff_id.eq_any(teachers))
        .filter(assignments::valid_from.le(days.to).and(assignments::valid_to.is_null().or(assignments::valid_to.ge(days.from))))
        .order((assignments::valid_from, assignments::id))
        .select((
            assignments::class_id,
            assignments::staff_id,
            assignments::subject,
            assignments::education_level,
            assignments::periods_per_week,
            assignments::valid_from,
            assignments::valid_to,
            sql::<Date>(&format!("(select y.starts_on {CLASS})")),
            sql::<Date>(&format!("(select least(y.ends_on, c.ended_on) {CLASS})")),
        ))
        .load(conn)
        .await?;
    let within = |(class, staff, subject, level, periods, from, to, starts_on, ends_on): Row| {
        let lasts = Days::new(from.max(starts_on), to.unwrap_or(ends_on).min(ends_on))?;
        Some(Taught { class, staff, subject, level, periods, days: lasts.common(days)? })
    };
    Ok(rows.into_iter().filter_map(within).collect())
}

/// The names of these teachers, and which of them have left.
async fn staff(conn: &mut Connection, access: &Access, ids: BTreeSet<Uuid>) -> StoreResult<(BTreeMap<Uuid, NamedStaff>, BTreeSet<Uuid>)> {
    let rows: Vec<(Uuid, String, String, String)> = staff_copies::table
        .filter(staff_copies::tenant_id.eq(Uuid::from(access.tenant)).and(staff_copies::id.eq_any(ids)))
        .select((staff_copies::id, staff_copies::code, staff_copies::full_name, staff_copies::status))
        .load(conn)
        .await?;
    let left = rows.iter().filter(|(.., status)| status == "ended").map(|(id, ..)| *id).collect();
    let named = rows.into_iter().map(|(id, code, full_name, _)| (id, NamedStaff { id, code: Some(code), full_name: Some(full_name), resolved: true }));
    Ok((named.collect(), left))
}
