//! The query behind a report.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{
    Access, Action, GrantedUnit, KnownUnit, Record,
    schema::{authority_freshness, units},
};
use registrar_domain::{EducationLevel, Hierarchy, UnitId};
use registrar_store::{Condition, Connection, Cursor, StoreError, StoreResult};
use uuid::Uuid;

use super::model::{Dimension, Subject};

/// What a report is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who is counted.
    pub subject: Subject,
    /// As of which day.
    pub on: NaiveDate,
    /// Rolled up which hierarchy.
    pub hierarchy: Hierarchy,
    /// In which unit and below.
    pub unit: UnitId,
    /// Divided by what.
    pub by: Vec<Dimension>,
    /// How many levels below the unit rows are made for.
    pub depth: i64,
    /// Rows at most.
    pub limit: i64,
    /// Where to go on.
    pub after: Option<Cursor>,
}

/// A report, or a page of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The unit that was counted.
    pub unit: KnownUnit,
    /// The education levels that were counted; all when absent.
    pub levels: Option<Vec<EducationLevel>>,
    /// The rows of this page.
    pub rows: Vec<Row>,
    /// Everybody counted, on whichever page.
    pub total: i64,
    /// Where the next page starts.
    pub next: Option<Cursor>,
    /// How recent the figures are, by the service they come from.
    pub sources: Vec<(&'static str, Option<DateTime<Utc>>)>,
}

/// A row of a report; texts are empty where nothing is known, and in dimensions that were not asked for.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Row {
    /// Everybody counted, in all rows of all pages.
    #[diesel(sql_type = sql_types::BigInt)]
    total: i64,
    /// The row's unit; none when units were not asked for, and on a page without rows.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Uuid>)]
    pub unit_id: Option<Uuid>,
    /// The unit's code; empty when the unit has not arrived.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub unit_code: Option<String>,
    /// The unit's name.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub unit_name: Option<String>,
    /// Whether only the unit's own records are counted, not those of the units below it.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Bool>)]
    pub own: Option<bool>,
    /// The education level.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub education_level: Option<String>,
    /// The gender.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub gender: Option<String>,
    /// The grade.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub grade: Option<String>,
    /// The group of the position.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub position_group: Option<String>,
    /// How many; none only on a page without rows.
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    pub count: Option<i64>,
}

/// The headcounts of a unit as of a day.
///
/// # Errors
/// [`StoreError::NotYetKnown`] for a unit that is not known here or not the caller's to know of,
/// [`StoreError::Forbidden`] outside the caller's grants, [`StoreError::BadCursor`] for another report's cursor.
pub async fn headcounts(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<Report> {
    access.require(Action::ReportsRead)?;
    let (unit, levels) = counted_unit(conn, access, question).await?;
    let after = question.place(unit.id)?;
    let codes: Option<Vec<&str>> = levels.as_ref().map(|levels| levels.iter().map(|level| level.as_str()).collect());
    let mut rows: Vec<Row> = sql_query(question.statement())
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Text, _>(question.subject.as_str())
        .bind::<sql_types::Date, _>(question.on)
        .bind::<sql_types::Text, _>(question.hierarchy.as_str())
        .bind::<sql_types::Uuid, _>(unit.id)
        .bind::<sql_types::BigInt, _>(question.depth)
        .bind::<sql_types::Nullable<sql_types::Array<sql_types::Text>>, _>(codes)
        .bind::<sql_types::Array<sql_types::Text>, _>(&after)
        .bind::<sql_types::BigInt, _>(question.limit + 1)
        .load(conn)
        .await?;
    let total = rows.as_slice().first().map_or(0, |row| row.total);
    rows.retain(|row| row.count.is_some());
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.iter().next_back().filter(|_| more).map(|row| question.cursor(unit.id, row));
    Ok(Report { sources: newest(conn, question.subject).await?, unit, levels, rows, total, next })
}

/// The unit, and the education levels in it that the caller may see figures of: all when none is named. A grant reaches
/// what stands below the unit in its own hierarchy; counting along the other one would count others' schools too, unless
/// nothing stands below.
async fn counted_unit(conn: &mut Connection, access: &Access, question: &Question) -> StoreResult<(KnownUnit, Option<Vec<EducationLevel>>)> {
    let id = question.unit;
    let unknown = || StoreError::NotYetKnown(format!("unit {id}"));
    let alone =
        Condition::sql(format!("not exists (select 1 from unit_ancestors b where b.ancestor_id = units.id and b.depth > 0 and b.hierarchy = '{}' and ", question.hierarchy))
            .date(question.on)
            .and_sql(" between b.valid_from and b.valid_to)");
    let levels = (access.levels(Action::ReportsRead, Some(question.hierarchy)), access.levels(Action::ReportsRead, None));
    type Levels = (Vec<String>, Vec<String>);
    let (unit, (below, itself), alone, sees): (KnownUnit, Levels, bool, bool) = units::table
        .filter(units::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(units::id.eq(Uuid::from(id)))
        .select((KnownUnit::as_select(), levels, alone, access.narrow(Action::UnitsRead, &Record::UNIT)))
        .first(conn)
        .await
        .optional()?
        .ok_or_else(unknown)?;
    let granted = GrantedUnit::new(unit, if alone { itself } else { below });
    if granted.permits_every_level() {
        return Ok((granted.unit, None));
    }
    let levels: Vec<EducationLevel> = EducationLevel::ALL.iter().copied().filter(|level| granted.permits(Some(*level))).collect();
    match levels.is_empty() {
        false => Ok((granted.unit, Some(levels))),
        true if sees => Err(StoreError::Forbidden(Action::ReportsRead.as_str())),
        true => Err(unknown()),
    }
}

/// When the newest change that has arrived came about: of units, and of what is counted.
async fn newest(conn: &mut Connection, subject: Subject) -> StoreResult<Vec<(&'static str, Option<DateTime<Utc>>)>> {
    #[derive(QueryableByName)]
    struct Newest {
        #[diesel(sql_type = sql_types::Timestamptz)]
        occurred_at: DateTime<Utc>,
    }
    let units: Vec<DateTime<Utc>> = authority_freshness::table.filter(authority_freshness::as_of.gt(DateTime::UNIX_EPOCH)).select(authority_freshness::as_of).load(conn).await?;
    let records: Vec<Newest> = sql_query("select occurred_at from newest_changes where aggregate = $1").bind::<sql_types::Text, _>(subject.aggregate()).load(conn).await?;
    let service = subject.aggregate().split('.').next().unwrap_or_default();
    Ok(vec![("identity", units.into_iter().next()), (service, records.into_iter().next().map(|row| row.occurred_at))])
}

/// Sort keys that are no dimension of the report are empty, so that one statement serves all.
/// $1 tenant, $2 subject, $3 day, $4 hierarchy, $5 unit, $6 depth, $7 levels, $8 the last row's sort keys, $9 limit.
const STATEMENT: &str = "
    with below as materialized (
        select unit_id, min(depth) as depth
        from unit_ancestors
        where ancestor_id = $5 and hierarchy = $4 and $3 between valid_from and valid_to
        group by unit_id
    ),
    placed as materialized ({placed}),
    counted as (
        select p.row_unit, p.own, {education_level} as education_level, {gender} as gender, {grade} as grade, {position_group} as position_group, sum(c.delta)::bigint as count
        from headcount_changes c
        join placed p on p.unit_id = c.unit_id
        where c.tenant_id = $1 and c.subject = $2 and c.on_date <= $3
          and ($7 is null or c.education_level = any($7)
               or (c.education_level = '' and exists (select 1 from units l where l.id = c.unit_id and l.education_levels && $7)))
        group by 1, 2, 3, 4, 5, 6
        having sum(c.delta) <> 0
    ),
    listed as (
        select r.*, coalesce(u.code, '') as unit_code, u.name as unit_name,
               array[coalesce(u.code, ''), coalesce(r.row_unit::text, ''), r.education_level, r.gender, lpad(r.grade, greatest(3, length(r.grade)), '0'), r.position_group] collate \"C\" as place
        from (select * from counted {empty}) r
        left join units u on u.id = r.row_unit and u.tenant_id = $1
    )
    select t.total, p.row_unit as unit_id, p.unit_code, p.unit_name, p.own, p.education_level, p.gender, p.grade, p.position_group, p.count
    from (select coalesce(sum(count), 0)::bigint as total from counted) t
    left join (select * from listed where place > $8 collate \"C\" order by place limit $9) p on true
    order by p.place";

/// Every unit below goes to the row of the unit `depth` levels down that it lies under; what lies higher has a row of its
/// own, so that the rows add up to the total.
const BY_UNIT: &str = "
        select distinct on (a.unit_id) a.unit_id, a.ancestor_id as row_unit, false as own
        from below b
        join unit_ancestors a on a.ancestor_id = b.unit_id and a.hierarchy = $4 and $3 between a.valid_from and a.valid_to
        where b.depth = $6
        union all
        select unit_id, unit_id, true from below where depth < $6";
const WHOLE: &str = "select unit_id, null::uuid as row_unit, false as own from below";
/// By units alone, those below with nobody in them are named too: they are what an overseer looks for (S1-099).
const EMPTY_UNITS: &str = "
            union all
            select distinct p.row_unit, p.own, '', '', '', '', 0::bigint
            from placed p
            join units e on e.id = p.row_unit and $3 between e.opened_on and coalesce(e.closed_on, 'infinity')
            where not p.own and not exists (select 1 from counted c where c.row_unit = p.row_unit)";

impl Question {
    fn statement(&self) -> String {
        let by_unit = self.by.contains(&Dimension::Unit);
        let column = |dimension: Dimension, column: &'static str| if self.by.contains(&dimension) { column } else { "''::text" };
        STATEMENT
            .replace("{placed}", if by_unit { BY_UNIT } else { WHOLE })
            .replace("{empty}", if by_unit && self.by.len() == 1 { EMPTY_UNITS } else { "" })
            .replace("{education_level}", column(Dimension::EducationLevel, "c.education_level"))
            .replace("{gender}", column(Dimension::Gender, "c.gender"))
            .replace("{grade}", column(Dimension::Grade, "c.grade"))
            .replace("{position_group}", column(Dimension::PositionGroup, "c.position_group"))
    }

    /// What a cursor belongs to: the same question with the same day, unit and dimensions.
    fn name(&self, unit: Uuid) -> String {
        let by: Vec<&str> = self.by.iter().map(|dimension| dimension.as_str()).collect();
        format!("{} {} {} {unit} {} {}", self.subject, self.on, self.hierarchy, by.join(","), self.depth)
    }

    fn cursor(&self, unit: Uuid, last: &Row) -> Cursor {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let grade = text(&last.grade);
        let place = [
            text(&last.unit_code),
            last.unit_id.map(|id| id.to_string()).unwrap_or_default(),
            text(&last.education_level),
            text(&last.gender),
            if grade.chars().count() < 3 { format!("{grade:0>3}") } else { grade },
            text(&last.position_group),
        ];
        Cursor { sort: self.name(unit), key: serde_json::json!(place).to_string(), id: unit }
    }

    /// The sort keys of the last row seen; before the first row when there is no cursor.
    fn place(&self, unit: Uuid) -> StoreResult<Vec<String>> {
        let Some(cursor) = &self.after else { return Ok(Vec::new()) };
        if cursor.sort != self.name(unit) {
            return Err(StoreError::BadCursor);
        }
        serde_json::from_str(&cursor.key).map_err(|_| StoreError::BadCursor)
    }
}
