//! The route of headcounts: parameters, answer, handler.

use actix_web::{HttpRequest, HttpResponse, get, http::header};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_access::Action;
use registrar_domain::{EducationLevel, Hierarchy, UnitId};
use registrar_http::{Caller, FieldError, Problem, ProblemKind, Refusals, ServiceContext, answer, list::Query};
use registrar_store::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    model::{Dimension, Subject},
    store::{self, Question, Report, Row},
};

/// Rows per page when nothing is said.
const ROWS: i64 = 200;
/// The most dimensions of one report.
const DIMENSIONS: usize = 3;

/// What is to be counted, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HeadcountParameters {
    /// Who is counted.
    #[param(inline)]
    subject: Subject,
    /// As of which day (thời điểm báo cáo): membership and hierarchy are taken as of its end; today when left out.
    on: Option<NaiveDate>,
    /// Rolled up which hierarchy; professional when left out. Since 1 July 2025 the two differ in Viet Nam.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// In which unit and below (đơn vị); the one at the top of the caller's grants when left out, 400 when there are several.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// One to three of unit, education_level, gender, grade (of students), position_group (of staff), separated by
    /// commas; unit when left out.
    #[param(max_length = 100, example = "unit,gender")]
    by: Option<String>,
    /// With `by=unit`: how many levels below `unit_id` rows are made for. Units higher up than that get a row with their own records only.
    #[param(minimum = 1, maximum = 8, default = 1)]
    depth: Option<i64>,
    /// Rows per page.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before. Belongs to one report.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

impl HeadcountParameters {
    fn question(self, unit: UnitId, today: NaiveDate) -> Result<Question, Problem> {
        let by = dimensions(self.by.as_deref().unwrap_or("unit"), self.subject)?;
        if self.depth.is_some() && !by.contains(&Dimension::Unit) {
            return Err(bad("depth", "only_with", "goes with by=unit"));
        }
        Ok(Question {
            subject: self.subject,
            on: self.on.unwrap_or(today),
            hierarchy: self.hierarchy.unwrap_or(Hierarchy::Professional),
            unit,
            by,
            depth: self.depth.unwrap_or(1),
            limit: self.limit.unwrap_or(ROWS),
            after: self.cursor.as_deref().map(Cursor::decode).transpose()?,
        })
    }
}

fn dimensions(text: &str, subject: Subject) -> Result<Vec<Dimension>, Problem> {
    let mut dimensions = Vec::new();
    for name in text.split(',') {
        let dimension = Dimension::from_code(name.trim()).map_err(|error| bad("by", "not_one_of", error.to_string()))?;
        if !subject.has(dimension) {
            return Err(bad("by", "not_of_subject", format!("{subject} have no {dimension}")));
        }
        if dimensions.contains(&dimension) {
            return Err(bad("by", "repeated", format!("{dimension} is there twice")));
        }
        dimensions.push(dimension);
    }
    if dimensions.len() > DIMENSIONS { Err(bad("by", "too_many", format!("at most {DIMENSIONS}"))) } else { Ok(dimensions) }
}

fn topmost_unit(units: Vec<UnitId>) -> Result<UnitId, Problem> {
    match units.as_slice() {
        [unit] => Ok(*unit),
        _ => Err(bad("unit_id", "required", "your grants are over several units: name one")),
    }
}

fn bad(parameter: &str, code: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::BadParameter).errors(vec![FieldError { pointer: parameter.into(), code: code.into(), detail: detail.into() }])
}

/// The headcounts of a unit as of a day.
#[derive(Serialize, ToSchema)]
pub struct Headcounts {
    /// Who was counted.
    #[schema(inline)]
    subject: Subject,
    /// As of which day (thời điểm báo cáo).
    on: NaiveDate,
    /// Rolled up which hierarchy (hệ thống quản lý).
    #[schema(inline)]
    hierarchy: Hierarchy,
    /// In which unit and below.
    unit: HeadcountUnit,
    /// Only these education levels (cấp học) were counted, since the caller's grants are limited to them; null when all were.
    #[schema(max_items = 5, value_type = Option<Vec<String>>)]
    education_levels: Option<Vec<EducationLevel>>,
    /// The rows of this page, in order of the unit's code, education level, gender, grade, position group. Combinations
    /// under which nobody is counted are left out; with `by=unit` alone, every unit below is there.
    #[schema(max_items = 1000)]
    items: Vec<HeadcountRow>,
    /// Everybody counted (tổng số), on whichever page.
    #[schema(minimum = 0)]
    total: i64,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
    /// How recent the figures are, by the service that they come from.
    #[schema(max_items = 2)]
    as_of: Vec<HeadcountSource>,
}

/// A unit in a report.
#[derive(Serialize, ToSchema)]
pub struct HeadcountUnit {
    /// Its id.
    id: Uuid,
    /// Its code (mã đơn vị); null when the unit itself has not arrived here yet.
    code: Option<String>,
    /// Its name today (tên đơn vị); null when the unit itself has not arrived here yet.
    name: Option<String>,
}

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadcountScope {
    /// The unit and everything below it.
    Within,
    /// The unit's own records only: those below it have rows of their own.
    Own,
}

/// How many there are under one combination of the dimensions asked for. Dimensions that were not asked for are left out.
#[derive(Serialize, ToSchema)]
pub struct HeadcountRow {
    /// The unit (đơn vị).
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<HeadcountUnit>,
    /// With `unit`: whether what lies below it is counted too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    scope: Option<HeadcountScope>,
    /// The education level (cấp học); null for records without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    education_level: Option<Option<String>>,
    /// The gender (giới tính); null for records without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    gender: Option<Option<String>>,
    /// The grade (khối lớp); null for classes without one, as in preschool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grade: Option<Option<String>>,
    /// The group of the position (CBQL, GV, NV; S2-005): manager, teacher, employee; null for records without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    position_group: Option<Option<String>>,
    /// How many (số lượng).
    count: i64,
}

/// How recent the figures of one source are.
#[derive(Serialize, ToSchema)]
pub struct HeadcountSource {
    /// The service that owns the records.
    #[schema(example = "personnel")]
    source: &'static str,
    /// Everything up to this moment is known to have arrived (identity), or the newest change that has arrived was made
    /// then (the others); null when nothing has.
    as_of: Option<DateTime<Utc>>,
}

impl HeadcountRow {
    fn of(row: Row, by: &[Dimension]) -> Self {
        let shown = |dimension: Dimension, value: Option<String>| by.contains(&dimension).then(|| value.filter(|text| !text.is_empty()));
        let scope = if row.own == Some(true) { HeadcountScope::Own } else { HeadcountScope::Within };
        HeadcountRow {
            scope: row.unit_id.map(|_| scope),
            unit: row.unit_id.map(|id| HeadcountUnit { id, code: row.unit_code.filter(|code| !code.is_empty()), name: row.unit_name }),
            education_level: shown(Dimension::EducationLevel, row.education_level),
            gender: shown(Dimension::Gender, row.gender),
            grade: shown(Dimension::Grade, row.grade),
            position_group: shown(Dimension::PositionGroup, row.position_group),
            count: row.count.unwrap_or_default(),
        }
    }
}

impl Headcounts {
    fn of(question: Question, report: Report) -> Self {
        Headcounts {
            subject: question.subject,
            on: question.on,
            hierarchy: question.hierarchy,
            unit: HeadcountUnit { id: report.unit.id, code: Some(report.unit.code), name: Some(report.unit.name) },
            education_levels: report.levels,
            items: report.rows.into_iter().map(|row| HeadcountRow::of(row, &question.by)).collect(),
            total: report.total,
            next_cursor: report.next.map(|cursor| cursor.encode()),
            as_of: report.sources.into_iter().map(|(source, as_of)| HeadcountSource { source, as_of }).collect(),
        }
    }
}

/// Count staff or students
///
/// As of a day, in a unit and everything below it in a hierarchy as it was on that day (S3-004). The figures follow the
/// records by events and cost the same however many people there are; `as_of` says how recent they are.
#[utoipa::path(
    operation_id = "reporting.headcounts.read", tag = "reports",
    params(HeadcountParameters),
    responses((status = 200, description = "The headcounts", body = Headcounts, headers(("Link" = String, description = "The next page, when there is one"))), Refusals)
)]
#[get("/headcounts")]
pub async fn headcounts(context: ServiceContext, caller: Caller, parameters: Query<HeadcountParameters>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut conn = context.db.get().await?;
    let unit = match parameters.0.unit_id {
        Some(unit) => unit,
        None => topmost_unit(caller.topmost_units(&mut conn, Action::ReportsRead).await?)?,
    };
    let question = parameters.0.question(unit, caller.today)?;
    let report = store::headcounts(&mut conn, &caller, &question).await?;
    let body = Headcounts::of(question, report);
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &body.next_cursor {
        response.insert_header((header::LINK, answer::next_link(&request, cursor)));
    }
    Ok(response.json(body))
}
