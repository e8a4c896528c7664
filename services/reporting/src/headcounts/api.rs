//! The route of headcounts: parameters, answer, handler.

use actix_web::{HttpRequest, HttpResponse, get};
use chrono::NaiveDate;
use registrar_access::Action;
use registrar_domain::{EducationLevel, Hierarchy, UnitId};
use registrar_http::{Caller, Problem, Refusals, ServiceContext, list::Query, locale::locale_of};
use registrar_store::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    model::{Dimension, Subject},
    store::{self, Question, Report, Row},
    view,
};
use crate::{
    counted::{self, ReportScope, ReportSource, ReportUnit, bad},
    output::{self, Format},
};

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
    /// Rolled up which hierarchy; professional when left out, unless the caller's grants are all in the administrative one.
    /// Since 1 July 2025 the two differ in Viet Nam.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// In which unit and below (đơn vị); the one at the top of the caller's grants when left out, 400 when there are several.
    #[param(value_type = Option<uuid::Uuid>)]
    unit_id: Option<UnitId>,
    /// Any two of: unit, gender, age_band, ethnic_group, policy_category; grade (of students); position_group, position,
    /// contract_form, qualification, training_standard (of staff). education_level may stand alone, or beside these as a
    /// third. Separated by commas; unit when left out.
    #[param(max_length = 100, example = "gender,age_band")]
    by: Option<String>,
    /// With `by=unit`: how many levels below `unit_id` rows are made for. Units higher up than that get a row with their own records only.
    #[param(minimum = 1, maximum = 8, default = 1)]
    depth: Option<i64>,
    /// Rows per page: 200 when left out, and all of them, 10,000 at most, in a table or a chart.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before. Belongs to one report.
    #[param(max_length = 2000)]
    cursor: Option<String>,
    /// The form of the answer, for those who cannot set `Accept`, such as a browser's address bar.
    #[param(inline)]
    format: Option<Format>,
}

impl HeadcountParameters {
    fn question(self, unit: UnitId, caller: &Caller, format: Format) -> Result<Question, Problem> {
        let by = dimensions(self.by.as_deref().unwrap_or("unit"), self.subject)?;
        if self.depth.is_some() && !by.contains(&Dimension::Unit) {
            return Err(bad("depth", "only_with", "goes with by=unit"));
        }
        Ok(Question {
            subject: self.subject,
            on: self.on.unwrap_or(caller.today),
            hierarchy: self.hierarchy.unwrap_or_else(|| caller.usual_hierarchy(Action::ReportsRead)),
            unit,
            by,
            depth: self.depth.unwrap_or(1),
            limit: self.limit.unwrap_or(format.rows()),
            after: self.cursor.as_deref().map(Cursor::decode).transpose()?,
        })
    }
}

fn dimensions(text: &str, subject: Subject) -> Result<Vec<Dimension>, Problem> {
    let mut dimensions = Vec::new();
    for name in text.split(',') {
        let dimension = Dimension::from_code(name.trim()).map_err(|error| bad("by", "not_one_of", error.to_string()))?;
        if subject.number(dimension).is_none() {
            return Err(bad("by", "not_of_subject", format!("{subject} have no {dimension}")));
        }
        if dimensions.contains(&dimension) {
            return Err(bad("by", "repeated", format!("{dimension} is there twice")));
        }
        dimensions.push(dimension);
    }
    let counted = dimensions.iter().filter(|dimension| **dimension != Dimension::EducationLevel).count();
    if counted > 2 { Err(bad("by", "too_many", "at most two, and education_level")) } else { Ok(dimensions) }
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
    unit: ReportUnit,
    /// Only these education levels (cấp học) were counted, since the caller's grants are limited to them; null when all were.
    #[schema(max_items = 5, value_type = Option<Vec<String>>)]
    education_levels: Option<Vec<EducationLevel>>,
    /// The rows of this page, in order of the unit's code, then of the other dimensions as they stand below. Combinations
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
    as_of: Vec<ReportSource>,
}

/// How many there are under one combination of the dimensions asked for. Dimensions that were not asked for are left out;
/// null is the value of records that have none. Coded values are `scheme/version/code`.
#[derive(Serialize, ToSchema)]
pub struct HeadcountRow {
    /// The unit (đơn vị).
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<ReportUnit>,
    /// With `unit`: whether what lies below it is counted too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    scope: Option<ReportScope>,
    /// The education level (cấp học).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    education_level: Option<Option<String>>,
    /// The gender (giới tính).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    gender: Option<Option<String>>,
    /// The grade (khối lớp); classes of preschool have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grade: Option<Option<String>>,
    /// The age (độ tuổi), the year of the day minus the year of birth: of students 0 to 20 or `21+`, of staff a code of
    /// `vn-age-band`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "vn-age-band/1/30")]
    age_band: Option<Option<String>>,
    /// The ethnic group (dân tộc).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "vn-ethnic/2008/01")]
    ethnic_group: Option<Option<String>>,
    /// The policy category (diện chính sách).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "vn-policy-category/1/poor_household")]
    policy_category: Option<Option<String>>,
    /// The group of the position (CBQL, GV, NV; S2-005): manager, teacher, employee.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    position_group: Option<Option<String>>,
    /// The position (chức vụ).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "head_teacher")]
    position: Option<Option<String>>,
    /// The contract form (hình thức hợp đồng).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "vn-contract-form/1/4")]
    contract_form: Option<Option<String>>,
    /// The highest qualification (trình độ chuyên môn).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "vn-qualification/1/16")]
    qualification: Option<Option<String>>,
    /// Whether training is below, at or above the standard (trình độ chuẩn).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    training_standard: Option<Option<String>>,
    /// How many (số lượng); null when suppressed.
    count: Option<i64>,
    /// The count is not told: it is below 5 and by ethnic group or policy category, or would tell such a one, and the
    /// caller may not see the persons themselves. The total counts it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    suppressed: bool,
}

impl HeadcountRow {
    fn of(row: Row, dimensions: &[Dimension]) -> Self {
        let values = &row.cell.values;
        let value = |wanted: Dimension| dimensions.iter().zip(values).find(|(dimension, _)| **dimension == wanted).map(|(_, value)| value.clone());
        HeadcountRow {
            scope: row.unit.as_ref().map(|unit| unit.scope()),
            unit: row.unit.as_ref().map(|unit| unit.shown()),
            education_level: value(Dimension::EducationLevel),
            gender: value(Dimension::Gender),
            grade: value(Dimension::Grade),
            age_band: value(Dimension::AgeBand),
            ethnic_group: value(Dimension::EthnicGroup),
            policy_category: value(Dimension::PolicyCategory),
            position_group: value(Dimension::PositionGroup),
            position: value(Dimension::Position),
            contract_form: value(Dimension::ContractForm),
            qualification: value(Dimension::Qualification),
            training_standard: value(Dimension::TrainingStandard),
            count: Some(row.cell.count).filter(|_| !row.cell.suppressed),
            suppressed: row.cell.suppressed,
        }
    }
}

impl Headcounts {
    fn of(question: &Question, report: Report) -> Self {
        let dimensions = question.values();
        Headcounts {
            subject: question.subject,
            on: question.on,
            hierarchy: question.hierarchy,
            unit: report.counted.unit,
            education_levels: report.counted.levels,
            items: report.rows.into_iter().map(|row| HeadcountRow::of(row, &dimensions)).collect(),
            total: report.total,
            next_cursor: report.next.map(|cursor| cursor.encode()),
            as_of: report.sources,
        }
    }
}

/// Count staff or students
///
/// As of a day, in a unit and everything below it in a hierarchy as it was on that day (S3-004). The figures follow the
/// records by events and cost the same however many people there are; `as_of` says how recent they are. Figures of days
/// more than five years back are counted anew, which takes longer. Who may not see small figures gets 422 for more units
/// than they can be hidden among.
///
/// As a table (CSV, Excel) and as a chart (SVG) they are in the language of `Accept-Language`.
#[utoipa::path(
    operation_id = "reporting.headcounts.read", tag = "reports",
    params(HeadcountParameters),
    responses(
        (status = 200, description = "The headcounts", content(
            (Headcounts = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (String = "image/svg+xml"),
        ), headers(("Link" = String, description = "The next page, when there is one"))),
        Refusals
    )
)]
#[get("/headcounts")]
pub async fn headcounts(context: ServiceContext, caller: Caller, parameters: Query<HeadcountParameters>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let format = Format::asked(parameters.0.format, &request);
    let mut conn = context.db.get().await?;
    let unit = counted::asked_unit(&mut conn, &caller, parameters.0.unit_id).await?;
    let question = parameters.0.question(unit, &caller, format)?;
    let report = store::headcounts(&mut conn, &caller, &question).await?;
    drop(conn);
    let next = report.next.clone();
    match format {
        Format::Json => output::json(&request, next, &Headcounts::of(&question, report)),
        Format::Csv | Format::Xlsx => output::table(&request, next, format, view::table(&question, &report, locale_of(&request))).await,
        Format::Svg => output::chart(&request, next, &view::chart(&question, &report, locale_of(&request))),
    }
}
