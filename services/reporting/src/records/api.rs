//! The routes on the state of records: parameters, answers, handlers.

use actix_web::{HttpRequest, HttpResponse, get};
use registrar_access::Action;
use registrar_domain::{EducationLevel, Hierarchy, UnitId};
use registrar_http::{Caller, Problem, Refusals, ServiceContext, list::Query, locale::locale_of};
use registrar_store::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    model::{Filled, Identities},
    store::{self, Question, Report},
    view,
};
use crate::{
    counted::{self, ReportScope, ReportSource, ReportUnit, RowUnit, bad},
    headcounts::model::Subject,
    output::{self, Format},
};

/// Units per page when nothing is said.
const UNITS: usize = 50;

/// Whose records, and by what.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompletenessParameters {
    /// Whose records.
    #[param(inline)]
    subject: Subject,
    /// Rolled up which hierarchy, as it is today; professional when left out, unless the caller's grants are all in the administrative one.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// In which unit and below (đơn vị); the one at the top of the caller's grants when left out, 400 when there are several.
    #[param(value_type = Option<uuid::Uuid>)]
    unit_id: Option<UnitId>,
    /// `unit`, `field`, or both separated by a comma; `field` when left out.
    #[param(max_length = 20, example = "unit,field")]
    by: Option<String>,
    /// With `by=unit`: how many levels below `unit_id` rows are made for. Units higher up than that get a row with their own records only.
    #[param(minimum = 1, maximum = 8, default = 1)]
    depth: Option<i64>,
    /// Units per page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before. Belongs to one report.
    #[param(max_length = 2000)]
    cursor: Option<String>,
    /// The form of the answer, for those who cannot set `Accept`, such as a browser's address bar.
    #[param(inline)]
    format: Option<Format>,
}

/// Whose records.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IdentitiesParameters {
    /// Whose records.
    #[param(inline)]
    subject: Subject,
    /// Rolled up which hierarchy, as it is today; professional when left out, unless the caller's grants are all in the administrative one.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// In which unit and below (đơn vị); the one at the top of the caller's grants when left out, 400 when there are several.
    #[param(value_type = Option<uuid::Uuid>)]
    unit_id: Option<UnitId>,
    /// How many levels below `unit_id` rows are made for. Units higher up than that get a row with their own records only.
    #[param(minimum = 1, maximum = 8, default = 1)]
    depth: Option<i64>,
    /// Units per page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before. Belongs to one report.
    #[param(max_length = 2000)]
    cursor: Option<String>,
    /// The form of the answer, for those who cannot set `Accept`, such as a browser's address bar.
    #[param(inline)]
    format: Option<Format>,
}

/// How complete the records of a unit are, as they are now.
#[derive(Serialize, ToSchema)]
pub struct Completeness {
    /// Whose records.
    #[schema(inline)]
    subject: Subject,
    /// Rolled up which hierarchy (hệ thống quản lý).
    #[schema(inline)]
    hierarchy: Hierarchy,
    /// In which unit and below.
    unit: ReportUnit,
    /// Only records of these education levels (cấp học), since the caller's grants are limited to them; null when all are.
    #[schema(max_items = 5, value_type = Option<Vec<String>>)]
    education_levels: Option<Vec<EducationLevel>>,
    /// The rows of this page, in order of the unit's code, then of the fields in the record.
    #[schema(max_items = 20_000)]
    items: Vec<CompletenessRow>,
    /// All records and fields, on whichever page.
    #[schema(inline)]
    total: Filled,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
    /// How recent the figures are, by the service that they come from.
    #[schema(max_items = 2)]
    as_of: Vec<ReportSource>,
}

/// How complete one unit's records are, or one field of them.
#[derive(Serialize, ToSchema)]
pub struct CompletenessRow {
    /// With `by=unit`: the unit (đơn vị).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<ReportUnit>,
    /// With `unit`: whether what lies below it is counted too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub(super) scope: Option<ReportScope>,
    /// With `by=field`: the field, by its name in requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "personal.photo")]
    pub(super) field: Option<String>,
    /// The figures.
    #[serde(flatten)]
    pub(super) filled: Filled,
}

/// Whose identity has been checked, as it is now.
#[derive(Serialize, ToSchema)]
pub struct IdentityReport {
    /// Whose records.
    #[schema(inline)]
    subject: Subject,
    /// Rolled up which hierarchy (hệ thống quản lý).
    #[schema(inline)]
    hierarchy: Hierarchy,
    /// In which unit and below.
    unit: ReportUnit,
    /// Only records of these education levels (cấp học), since the caller's grants are limited to them; null when all are.
    #[schema(max_items = 5, value_type = Option<Vec<String>>)]
    education_levels: Option<Vec<EducationLevel>>,
    /// The units of this page, in order of their codes.
    #[schema(max_items = 200)]
    items: Vec<IdentityRow>,
    /// All records, on whichever page.
    #[schema(inline)]
    total: Identities,
    /// Where the next page starts; null on the last page.
    next_cursor: Option<String>,
    /// How recent the figures are, by the service that they come from.
    #[schema(max_items = 2)]
    as_of: Vec<ReportSource>,
}

/// Whose identity has been checked in one unit.
#[derive(Serialize, ToSchema)]
pub struct IdentityRow {
    /// The unit (đơn vị).
    pub(super) unit: ReportUnit,
    /// Whether what lies below it is counted too.
    #[schema(inline)]
    pub(super) scope: ReportScope,
    /// The figures.
    #[serde(flatten)]
    pub(super) identities: Identities,
}

/// The rows of a report on completeness; `by` names what they are by.
fn completeness_rows(subject: Subject, report: &Report, (by_unit, by_field): (bool, bool)) -> Vec<CompletenessRow> {
    // Fields of which only some unit says that they are missing have rows for all.
    let fields: Vec<Option<String>> = if by_field { report.whole.fields(subject).into_iter().map(Some).collect() } else { vec![None] };
    let whole = [(None, &report.whole)];
    let units = report.units.iter().map(|(unit, items)| (Some(unit), items));
    let rows: Vec<(Option<&RowUnit>, _)> = if by_unit { units.collect() } else { whole.into_iter().collect() };
    let row = |(unit, items): &(Option<&RowUnit>, &super::model::Items), field: &Option<String>| CompletenessRow {
        unit: unit.map(RowUnit::shown),
        scope: unit.map(RowUnit::scope),
        field: field.clone(),
        filled: items.filled(subject, field.as_deref()),
    };
    rows.iter().flat_map(|unit| fields.iter().map(move |field| row(unit, field))).collect()
}

fn by_unit_and_field(text: &str) -> Result<(bool, bool), Problem> {
    match text {
        "unit" => Ok((true, false)),
        "field" => Ok((false, true)),
        "unit,field" | "field,unit" => Ok((true, true)),
        _ => Err(bad("by", "not_one_of", "unit, field")),
    }
}

/// Read how complete records are
///
/// How many of the fields that are asked of everybody are filled in, by school and field (S1-007, S2-007): the records as
/// they are now, those of people who have left not among them. As a table (CSV, Excel) and as a chart (SVG) in the
/// language of `Accept-Language`.
#[utoipa::path(
    operation_id = "reporting.completeness.read", tag = "reports",
    params(CompletenessParameters),
    responses(
        (status = 200, description = "How complete they are", content(
            (Completeness = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (String = "image/svg+xml"),
        ), headers(("Link" = String, description = "The next page, when there is one"))),
        Refusals
    )
)]
#[get("/completeness")]
pub async fn completeness(context: ServiceContext, caller: Caller, parameters: Query<CompletenessParameters>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = parameters.0;
    let format = Format::asked(parameters.format, &request);
    let by = by_unit_and_field(parameters.by.as_deref().unwrap_or("field"))?;
    if parameters.depth.is_some() && !by.0 {
        return Err(bad("depth", "only_with", "goes with by=unit"));
    }
    let mut conn = context.db.get().await?;
    let question = Question {
        subject: parameters.subject,
        hierarchy: parameters.hierarchy.unwrap_or_else(|| caller.usual_hierarchy(Action::ReportsRead)),
        unit: counted::asked_unit(&mut conn, &caller, parameters.unit_id).await?,
        depth: by.0.then(|| parameters.depth.unwrap_or(1)),
        limit: parameters.limit.unwrap_or(if format == Format::Json { UNITS } else { format.rows() }),
        after: parameters.cursor.as_deref().map(Cursor::decode).transpose()?,
    };
    let report = store::records(&mut conn, &caller, &question).await?;
    drop(conn);
    let items = completeness_rows(question.subject, &report, by);
    let (next, locale) = (report.next.clone(), locale_of(&request));
    match format {
        Format::Json => {
            let body = Completeness {
                subject: question.subject,
                hierarchy: question.hierarchy,
                unit: report.counted.unit,
                education_levels: report.counted.levels,
                items,
                total: report.whole.filled(question.subject, None),
                next_cursor: next.as_ref().map(Cursor::encode),
                as_of: report.sources,
            };
            output::json(&request, next, &body)
        }
        Format::Csv | Format::Xlsx => output::table(&request, next, format, view::completeness_table(&question, &report, &items, by, locale)).await,
        Format::Svg => output::chart(&request, next, &view::completeness_chart(&question, &report, &items, locale)),
    }
}

/// Read whose identity has been checked
///
/// Against the national population database, by school (S2-004, S2-006): the records as they are now, those of people who
/// have left not among them. As a table (CSV, Excel) and as a chart (SVG) in the language of `Accept-Language`.
#[utoipa::path(
    operation_id = "reporting.identities.read", tag = "reports",
    params(IdentitiesParameters),
    responses(
        (status = 200, description = "Whose identity has been checked", content(
            (IdentityReport = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (String = "image/svg+xml"),
        ), headers(("Link" = String, description = "The next page, when there is one"))),
        Refusals
    )
)]
#[get("/identities")]
pub async fn identities(context: ServiceContext, caller: Caller, parameters: Query<IdentitiesParameters>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = parameters.0;
    let format = Format::asked(parameters.format, &request);
    let mut conn = context.db.get().await?;
    let question = Question {
        subject: parameters.subject,
        hierarchy: parameters.hierarchy.unwrap_or_else(|| caller.usual_hierarchy(Action::ReportsRead)),
        unit: counted::asked_unit(&mut conn, &caller, parameters.unit_id).await?,
        depth: Some(parameters.depth.unwrap_or(1)),
        limit: parameters.limit.unwrap_or(if format == Format::Json { UNITS } else { format.rows() }),
        after: parameters.cursor.as_deref().map(Cursor::decode).transpose()?,
    };
    let report = store::records(&mut conn, &caller, &question).await?;
    drop(conn);
    let row = |(unit, items): &(RowUnit, super::model::Items)| IdentityRow { unit: unit.shown(), scope: unit.scope(), identities: items.identities() };
    let items: Vec<IdentityRow> = report.units.iter().map(row).collect();
    let (next, locale) = (report.next.clone(), locale_of(&request));
    match format {
        Format::Json => {
            let body = IdentityReport {
                subject: question.subject,
                hierarchy: question.hierarchy,
                unit: report.counted.unit,
                education_levels: report.counted.levels,
                items,
                total: report.whole.identities(),
                next_cursor: next.as_ref().map(Cursor::encode),
                as_of: report.sources,
            };
            output::json(&request, next, &body)
        }
        Format::Csv | Format::Xlsx => output::table(&request, next, format, view::identities_table(&question, &report, &items, locale)).await,
        Format::Svg => output::chart(&request, next, &view::identities_chart(&question, &report, &items, locale)),
    }
}
