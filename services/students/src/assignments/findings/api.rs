//! The route of what is odd about assignments: its answer, each finding with a sentence for a person.

use actix_web::{HttpRequest, get, web::Json};
use chrono::NaiveDate;
use registrar_codes::fields::Subject;
use registrar_domain::{Locale, SchoolYearId, UnitId};
use registrar_http::{Caller, FieldError, Problem, ProblemKind, Refusals, ServiceContext, list::Query, locale::locale_of};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Finding, FindingKind,
    store::{self, Checked},
};
use crate::embedded::{NamedClass, NamedStaff};

/// Findings told at most.
const MOST: usize = 1000;

/// Something odd about the assignments of a class or a teacher.
#[derive(Serialize, ToSchema)]
pub struct AssignmentFinding {
    /// What it is.
    pub kind: FindingKind,
    /// The class it is about; null for what is about a teacher.
    pub class: Option<NamedClass>,
    /// The subject, where it is about one.
    pub subject: Option<Subject>,
    /// The teachers it is about, 20 at most.
    #[schema(max_items = 20)]
    pub staff: Vec<NamedStaff>,
    /// Periods a week, with `over_norm`.
    #[schema(minimum = 1)]
    pub periods_per_week: Option<i64>,
    /// The norm of periods a week, with `over_norm` (định mức tiết dạy).
    #[schema(minimum = 1)]
    pub norm: Option<i64>,
    /// The first day on which it is so.
    pub from: NaiveDate,
    /// The last day on which it is so.
    pub to: NaiveDate,
    /// One sentence in the caller's language (`Accept-Language`: vi, en, zh).
    pub message: String,
}

/// What is odd about a school's assignments.
#[derive(Serialize, ToSchema)]
pub struct AssignmentFindings {
    /// Class by class in the order of their names, then teacher by teacher.
    #[schema(max_items = 1000)]
    pub items: Vec<AssignmentFinding>,
    /// How many there are.
    #[schema(minimum = 0)]
    pub total: usize,
    /// Whether there are more than are told here: 1,000 at most.
    pub cut: bool,
}

/// Whose assignments are looked at.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingsQuery {
    /// The school whose classes are looked at.
    #[param(value_type = Uuid)]
    unit_id: UnitId,
    /// The school year.
    #[param(value_type = Uuid)]
    school_year_id: SchoolYearId,
    /// Only what is so on this day of the school year; all days when left out.
    on: Option<NaiveDate>,
}

/// Check a school's assignments
///
/// What is odd about the assignments of a school's classes in a school year (kiểm tra phân công giảng dạy; S1-071, S1-072):
/// subjects given twice or to nobody, teachers who have left, periods above the norm, classes without a homeroom teacher.
/// It counts the classes and assignments that the caller's grants reach: a teacher's periods at other schools, for who may
/// see them.
#[utoipa::path(
    operation_id = "students.assignments.findings", tag = "assignments", params(FindingsQuery),
    responses((status = 200, description = "What was found", body = AssignmentFindings), Refusals)
)]
#[get("/findings")]
pub async fn findings(context: ServiceContext, caller: Caller, query: Query<FindingsQuery>, request: HttpRequest) -> Result<Json<AssignmentFindings>, Problem> {
    let Query(FindingsQuery { unit_id, school_year_id, on }) = query;
    let checked = store::facts(&mut *context.db.get().await?, &caller, unit_id, school_year_id).await?;
    if on.is_some_and(|on| !checked.days.contains(on)) {
        let detail = format!("the school year lasts from {} to {}", checked.days.from, checked.days.to);
        return Err(Problem::new(ProblemKind::BadParameter).errors(vec![FieldError { pointer: "on".into(), code: "outside_school_year".into(), detail }]));
    }
    let mut found = super::findings(&checked.facts, caller.today);
    found.retain(|finding| on.is_none_or(|on| finding.days.contains(on)));
    let (total, locale) = (found.len(), locale_of(&request));
    let items = found.into_iter().take(MOST).map(|finding| shown(&checked, finding, locale)).collect();
    Ok(Json(AssignmentFindings { items, total, cut: total > MOST }))
}

fn shown(checked: &Checked, finding: Finding, locale: Locale) -> AssignmentFinding {
    let class = finding.class.and_then(|class| checked.classes.get(&class).cloned());
    let named = |id: &Uuid| checked.staff.get(id).cloned().unwrap_or(NamedStaff { id: *id, code: None, full_name: None, resolved: false });
    let staff: Vec<NamedStaff> = finding.staff.iter().take(20).map(named).collect();
    let (periods_per_week, norm) = finding.periods.unzip();
    let message = sentence(&finding, class.as_ref(), &staff, locale);
    AssignmentFinding { kind: finding.kind, class, subject: finding.subject, staff, periods_per_week, norm, from: finding.days.from, to: finding.days.to, message }
}

fn sentence(finding: &Finding, class: Option<&NamedClass>, staff: &[NamedStaff], locale: Locale) -> String {
    let class = class.map_or("", |class| class.name.as_str());
    let subject = finding.subject.as_ref().map_or("", |subject| subject.name(locale));
    let names: Vec<String> = staff.iter().map(|staff| staff.full_name.clone().unwrap_or_else(|| staff.id.to_string())).collect();
    let who = names.join(locale.pick([", ", ", ", "、"]));
    let date = |day: NaiveDate| day.format(locale.pick(["%d/%m/%Y", "%Y-%m-%d", "%Y年%-m月%-d日"])).to_string();
    let (from, to) = (date(finding.days.from), date(finding.days.to));
    let (periods, norm) = finding.periods.unwrap_or_default();
    let texts = match finding.kind {
        FindingKind::NoHomeroomTeacher => {
            [format!("Lớp {class} chưa có giáo viên chủ nhiệm."), format!("Class {class} has no homeroom teacher."), format!("{class}班没有班主任。")]
        }
        FindingKind::HomeroomTeacherLeft => [
            format!("Giáo viên chủ nhiệm lớp {class} là {who} đã nghỉ."),
            format!("The homeroom teacher of class {class}, {who}, has left."),
            format!("{class}班班主任{who}已离职。"),
        ],
        FindingKind::Overlap => [
            format!("Môn {subject} lớp {class} được phân công cho nhiều người từ {from} đến {to}: {who}."),
            format!("{subject} in class {class} is assigned to several teachers from {from} to {to}: {who}."),
            format!("{class}班{subject}在{from}至{to}由多名教师任教：{who}。"),
        ],
        FindingKind::Gap => [
            format!("Môn {subject} lớp {class} không có ai dạy từ {from} đến {to}."),
            format!("Nobody teaches {subject} in class {class} from {from} to {to}."),
            format!("{class}班{subject}在{from}至{to}无人任教。"),
        ],
        FindingKind::Unassigned => [
            format!("Môn {subject} là môn bắt buộc nhưng chưa phân công ở lớp {class}."),
            format!("{subject} is compulsory and assigned to nobody in class {class}."),
            format!("{class}班的必修科目{subject}尚未安排教师。"),
        ],
        FindingKind::TeacherLeft => [
            format!("{who} đã nghỉ nhưng vẫn được phân công dạy môn {subject} ở lớp {class} đến {to}."),
            format!("{who} has left and is still assigned {subject} in class {class} until {to}."),
            format!("{who}已离职，但仍任教{class}班{subject}至{to}。"),
        ],
        FindingKind::OverNorm => [
            format!("{who} dạy {periods} tiết/tuần từ {from} đến {to}, vượt định mức {norm} tiết."),
            format!("{who} has {periods} periods a week from {from} to {to}, above the norm of {norm}."),
            format!("{who}在{from}至{to}每周{periods}课时，超过{norm}课时的标准。"),
        ],
    };
    locale.pick(texts)
}
