//! The routes of staff: request and response bodies, handlers.

use std::sync::LazyLock;

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::ContractForm;
use registrar_domain::{EducationLevel, EmailAddress, Hierarchy, IdentityStatus, PersonalNumber, PhoneNumber, StaffId, UnitId};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, IfNoneMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed, Reading},
    conditional::form_of,
    export_routes,
    idempotency::Kept,
    import_routes,
    list::{FeedParameters, ListParameters, Query},
};
use registrar_store::{feed::FeedPage, history::HistoryEntry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    details::{StaffPersonal, StaffSensitive, StaffTeaching, StaffTerms, StaffTraining},
    employments::Employment,
    export::StaffExporter,
    import::StaffImporter,
    model::{StaffColumns, StaffInput, StaffRecord, StaffStatus},
    position::Position,
    store::{self, StaffFilter},
    writes,
};

/// A staff record as others see it.
#[derive(Serialize, ToSchema)]
pub struct Staff {
    /// The record's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Staff code (số hiệu cán bộ, 教职工号; S0-014).
    pub code: String,
    /// Full name (họ và tên, 姓名; S0-013).
    pub full_name: String,
    /// Date of birth (ngày sinh).
    pub birth_date: NaiveDate,
    /// Gender (giới tính): male, female, unspecified.
    pub gender: String,
    /// Personal number (số định danh cá nhân): the last three characters, unless asked for with `sensitive=true`.
    pub personal_number: Option<String>,
    /// Mobile phone (điện thoại di động, 手机; S1-020): the last three digits, unless asked for with `sensitive=true`.
    pub phone: Option<String>,
    /// E-mail (thư điện tử, 电子邮箱; S1-021): the domain, unless asked for with `sensitive=true`.
    pub email: Option<String>,
    /// What they work as; see `StaffInput`.
    pub position: String,
    /// The education level they work for.
    pub education_level: Option<String>,
    /// The unit they belong to.
    pub unit_id: Uuid,
    /// First day of work in the unit.
    pub started_on: NaiveDate,
    /// active, on_leave or ended.
    pub status: String,
    /// Last day of work.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// The group it is counted in (nhóm công việc hiện nay; S1-029, S2-005): manager, teacher or employee.
    pub position_group: Option<String>,
    /// Whether the personal number agrees with the national population database (S2-006).
    #[schema(value_type = String)]
    pub identity_status: IdentityStatus,
    /// When that was checked.
    pub identity_checked_on: Option<NaiveDate>,
    /// Who somebody is.
    pub personal: StaffPersonal,
    /// What the law calls sensitive; null unless asked for with `sensitive=true`.
    pub sensitive: Option<StaffSensitive>,
    /// On what terms somebody works.
    pub terms: StaffTerms,
    /// What somebody has learnt.
    pub training: StaffTraining,
    /// What somebody teaches.
    pub teaching: StaffTeaching,
    /// The primary employments before the present one (quá trình công tác).
    #[schema(max_items = 50)]
    pub former_employments: Vec<Employment>,
    /// Employments at other units beside the primary one (dạy liên trường, thỉnh giảng).
    #[schema(max_items = 50)]
    pub secondary_employments: Vec<Employment>,
    /// What is odd but allowed, such as `unknown_area_prefix` of the personal number.
    #[schema(max_items = 10)]
    pub warnings: Vec<String>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// All fields of a record.
pub(super) const FIELDS: [&str; 28] = [
    "id",
    "version",
    "code",
    "full_name",
    "birth_date",
    "gender",
    "personal_number",
    "phone",
    "email",
    "position",
    "education_level",
    "unit_id",
    "started_on",
    "status",
    "ended_on",
    "end_reason",
    "position_group",
    "identity_status",
    "identity_checked_on",
    "personal",
    "sensitive",
    "terms",
    "training",
    "teaching",
    "former_employments",
    "secondary_employments",
    "warnings",
    "changed_at",
];

impl Staff {
    /// The record with its sensitive fields masked.
    #[must_use]
    pub fn masked(row: StaffRecord) -> Self {
        let number = row.columns.personal_number.as_deref().and_then(|number| PersonalNumber::parse(number).ok());
        let warnings = number.iter().flat_map(|number| number.check(None, None)).map(|finding| finding.code().to_owned()).collect();
        let columns = row.columns;
        let position_group = Position::from_code(&columns.position).ok().map(|position| position.group().as_str().to_owned());
        Staff {
            id: row.id,
            version: row.version,
            code: columns.code,
            full_name: columns.full_name,
            birth_date: columns.birth_date,
            gender: columns.gender,
            personal_number: number.map(|number| number.masked()),
            phone: columns.phone.and_then(|phone| Some(PhoneNumber::parse(&phone).ok()?.masked())),
            email: columns.email.and_then(|email| Some(EmailAddress::parse(&email).ok()?.masked())),
            position: columns.position,
            education_level: columns.education_level,
            unit_id: columns.unit_id,
            started_on: columns.started_on,
            status: columns.status,
            ended_on: columns.ended_on,
            end_reason: columns.end_reason,
            position_group,
            identity_status: columns.identity_status,
            identity_checked_on: columns.identity_checked_on,
            personal: columns.personal,
            sensitive: None,
            terms: columns.terms,
            training: columns.training.0,
            teaching: columns.teaching,
            former_employments: columns.former_employments.0,
            secondary_employments: columns.secondary_employments.0,
            warnings,
            changed_at: row.changed_at,
        }
    }

    /// The record in full.
    #[must_use]
    pub fn in_full(row: StaffRecord) -> Self {
        let StaffColumns { personal_number, phone, email, sensitive, .. } = row.columns.clone();
        Staff { personal_number, phone, email, sensitive: Some(sensitive), ..Staff::masked(row) }
    }
}

impl Versioned for Staff {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn etag(&self, _: &[u8]) -> String {
        etag(self.version, self.changed_at, self.sensitive.is_some())
    }
}

/// A record shows nothing but itself, so its version tells what is shown; with the time of the change, since after a restore
/// versions are given again, and with the published form, which a release may change.
fn etag(version: i64, changed_at: DateTime<Utc>, in_full: bool) -> String {
    static FORM: LazyLock<String> = LazyLock::new(form_of::<Staff>);
    let view = if in_full { "full" } else { "masked" };
    format!("\"{version}.{:x}-{}-{view}\"", changed_at.timestamp_micros(), *FORM)
}

/// A change of a staff record.
pub type StaffPatch = MergePatch<StaffInput>;

/// What a list of staff is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StaffQuery {
    /// Words of the name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The staff code, exactly.
    #[param(max_length = 50)]
    code: Option<String>,
    /// The unit of the primary employment itself.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// The unit of any employment that lasts today: also those who teach here and belong elsewhere (thỉnh giảng).
    #[param(value_type = Option<Uuid>)]
    employed_in: Option<UnitId>,
    /// The unit and everything below it today, in `hierarchy`.
    #[param(value_type = Option<Uuid>)]
    within: Option<UnitId>,
    /// The hierarchy of `within`; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The status.
    #[param(inline)]
    status: Option<StaffStatus>,
    /// The position.
    #[param(inline)]
    position: Option<Position>,
    /// The education level.
    #[param(inline)]
    education_level: Option<EducationLevel>,
    /// The contract form, such as `vn-contract-form/1/5`.
    #[param(inline)]
    contract_form: Option<ContractForm>,
    /// Whether the personal number has been verified (S2-004).
    #[param(inline)]
    identity_status: Option<IdentityStatus>,
}

impl From<StaffQuery> for StaffFilter {
    fn from(query: StaffQuery) -> Self {
        let hierarchy = query.hierarchy.unwrap_or(Hierarchy::Professional);
        StaffFilter {
            name: query.q,
            code: query.code,
            unit: query.unit_id,
            employed_in: query.employed_in,
            within: query.within.map(|unit| (unit, hierarchy)),
            status: query.status,
            position: query.position,
            education_level: query.education_level,
            contract_form: query.contract_form,
            identity_status: query.identity_status,
            sensitive: false,
        }
    }
}

/// List staff
///
/// The records the caller may see, by name (given name first, as Vietnamese lists are) or code: `sort=name|code`.
#[utoipa::path(
    operation_id = "personnel.staff.list", tag = "staff",
    params(ListParameters, StaffQuery),
    responses((status = 200, description = "A page of staff", body = Listed<Staff>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<StaffQuery>) -> Result<Listing, Problem> {
    let (page, summary, fields) = (list.page(&store::SORTS)?, list.is_summary(), list.fields_or_all(&FIELDS)?);
    let filter = list.filter.into();
    let conn = context.db.reader(store::is_steady(&caller, &filter) && !page.count).await?;
    if summary {
        return Listing::of(store::summaries(&conn, &caller, &filter, &page).await?, None);
    }
    Listing::of(store::list(&conn, &caller, &filter, &page).await?.map(Staff::masked), fields.as_deref())
}

/// Enter a staff record
#[utoipa::path(
    operation_id = "personnel.staff.create", tag = "staff", request_body = StaffInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = Staff), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<StaffInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let staff = Staff::masked(writes::create(conn, &caller, &body).await?);
        let location = format!("/v1/staff/{}", staff.id);
        Ok(Record::created(staff, location))
    })
    .await
}

/// How a record is to be shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadParameters {
    /// Show personal number, contacts and the `sensitive` group in full; needs the right to, and is logged.
    sensitive: Option<bool>,
}

/// Read a staff record
#[utoipa::path(
    operation_id = "personnel.staff.read", tag = "staff",
    params(("staff_id" = Uuid, Path, description = "The record"), ReadParameters),
    responses((status = 200, description = "The record", body = Staff), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{staff_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<StaffId>, known: IfNoneMatch, parameters: Query<ReadParameters>) -> Result<Reading<Staff>, Problem> {
    if parameters.0.sensitive == Some(true) {
        let mut conn = context.db.get().await?;
        return Ok(Reading::Record(Record::of(Staff::in_full(store::find_sensitive(&mut conn, &caller, *id).await?))));
    }
    let conn = context.db.share().await?;
    if known.is_sent() {
        let (version, changed_at) = store::version(&conn, &caller, *id).await?;
        let etag = etag(version, changed_at, false);
        if known.names(&etag) {
            return Ok(Reading::Known(etag));
        }
    }
    Ok(Reading::Record(Record::of(Staff::masked(store::find(&conn, &caller, *id).await?))))
}

/// Change a staff record
///
/// A merge patch. To move somebody, name the new `unit_id` or `position` with its `started_on`: the employment before is
/// kept among `former_employments` until the day before. The same `unit_id` change without a later `started_on` corrects
/// a mistake. To end a record, set `status` to `ended` with `ended_on` and `end_reason`. The change reaches every other
/// service by itself (S0-017).
#[utoipa::path(
    operation_id = "personnel.staff.update", tag = "staff", request_body(content = StaffPatch, content_type = "application/merge-patch+json"),
    params(("staff_id" = Uuid, Path, description = "The record"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The record as it is now", body = Staff), Refusals)
)]
#[patch("/{staff_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<StaffId>, seen: IfMatch, patch: StaffPatch) -> Result<Record<Staff>, Problem> {
    let conn = context.db.share().await?;
    let found = store::find_to_change(&conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "staff"), found.id, found.version).await?;
    let input = patch.apply(&found.columns.to_input()?)?;
    Ok(Record::of(Staff::masked(writes::update(&context.db, conn, &caller, found, &input).await?)))
}

/// Follow changes of staff
///
/// The latest state of every record changed since the cursor, ended ones included.
#[utoipa::path(
    operation_id = "personnel.staff.changes", tag = "staff", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Staff>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Staff>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Staff::masked).collect(), next: page.next, more: page.more }))
}

/// Read a record's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "personnel.staff.history", tag = "staff", params(("staff_id" = Uuid, Path, description = "The record")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{staff_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<StaffId>) -> Result<Listing, Problem> {
    let entries = store::history(&mut *context.db.get().await?, &caller, *id).await?;
    Listing::whole(entries)
}

import_routes!(StaffImporter, "personnel.staff", "staff");
export_routes!(StaffExporter, "personnel.staff", "staff");
