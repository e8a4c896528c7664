//! The routes of guardians: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, Utc};
use registrar_domain::{EmailAddress, Finding, Gender, PersonName, PhoneNumber, ShortText, StudentId};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed},
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
    export::GuardianExporter,
    import::GuardianImporter,
    model::{GuardianId, GuardianInput, Guardianship, ShownGuardian},
    store::{self, GuardianFilter},
    writes,
};

/// A guardian as others see it.
#[derive(Serialize, ToSchema)]
pub struct Guardian {
    /// The guardian's id.
    pub id: Uuid,
    /// Grows with every change, also of what the caller does not see.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Full name (họ và tên, 姓名; S1-069, S1-070).
    pub full_name: PersonName,
    /// Gender (giới tính, 性别).
    pub gender: Option<Gender>,
    /// Year of birth (năm sinh, 出生年份).
    #[schema(minimum = 1900, maximum = 2200)]
    pub birth_year: Option<i16>,
    /// Personal number (số định danh cá nhân): the last three characters, unless asked for with `sensitive=true`.
    pub personal_number: Option<String>,
    /// Phone (số điện thoại liên lạc; S1-067): the last three digits, unless asked for with `sensitive=true`.
    pub phone: Option<String>,
    /// E-mail (thư điện tử): the domain, unless asked for with `sensitive=true`.
    pub email: Option<String>,
    /// Occupation (nghề nghiệp, 职业; S1-069, S1-070).
    pub occupation: Option<ShortText>,
    /// Place of work (nơi làm việc, 工作单位).
    pub workplace: Option<ShortText>,
    /// Address (địa chỉ liên hệ, 联系地址); null unless asked for with `sensitive=true`.
    pub address: Option<ShortText>,
    /// The children whose records the caller may read, former ones included, by student and first day. There may be others.
    #[schema(min_items = 1, max_items = 30)]
    pub children: Vec<Guardianship>,
    /// What is odd but allowed: `another_father`, `another_mother`, `another_primary_contact` when somebody else is that too
    /// of one of these children today; `unknown_area_prefix` of the personal number.
    #[schema(max_items = 10)]
    pub warnings: Vec<String>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 7] = ["id", "version", "full_name", "gender", "phone", "occupation", "children"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 14] =
    ["id", "version", "full_name", "gender", "birth_year", "personal_number", "phone", "email", "occupation", "workplace", "address", "children", "warnings", "changed_at"];

impl Guardian {
    /// The record in full.
    #[must_use]
    pub fn in_full(guardian: ShownGuardian) -> Self {
        let entered = guardian.to_input();
        let odd = entered.personal_number.iter().flat_map(|number| number.check(None, None)).map(|finding: Finding| finding.code().to_owned());
        Guardian {
            id: guardian.record.id,
            version: guardian.record.version,
            warnings: guardian.warnings.into_iter().chain(odd).collect(),
            full_name: entered.full_name,
            gender: entered.gender,
            birth_year: entered.birth_year,
            personal_number: entered.personal_number.map(|number| number.as_str().to_owned()),
            phone: entered.phone.map(PhoneNumber::into_string),
            email: entered.email.map(EmailAddress::into_string),
            occupation: entered.occupation,
            workplace: entered.workplace,
            address: entered.address,
            children: entered.children.0,
            changed_at: guardian.record.changed_at,
        }
    }

    /// The record with personal number and contacts masked.
    #[must_use]
    pub fn masked(guardian: ShownGuardian) -> Self {
        let entered = &guardian.record.entered;
        let personal_number = entered.personal_number.as_ref().map(|number| number.masked());
        let (phone, email) = (entered.phone.as_ref().map(PhoneNumber::masked), entered.email.as_ref().map(EmailAddress::masked));
        Guardian { personal_number, phone, email, address: None, ..Guardian::in_full(guardian) }
    }
}

impl Versioned for Guardian {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a guardian.
pub type GuardianPatch = MergePatch<GuardianInput>;

/// What a list of guardians is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GuardianQuery {
    /// Words of the name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The child: the guardians of one student, former ones included.
    #[param(value_type = Option<Uuid>)]
    student_id: Option<StudentId>,
    /// The phone, exactly; finds those whose phone the caller may see in full, and is logged.
    #[param(inline)]
    phone: Option<PhoneNumber>,
}

impl From<GuardianQuery> for GuardianFilter {
    fn from(query: GuardianQuery) -> Self {
        GuardianFilter { name: query.q, student: query.student_id, phone: query.phone, sensitive: false }
    }
}

/// List guardians
///
/// The guardians of students the caller may see, by name (given name first, as Vietnamese lists are): `sort=name`.
#[utoipa::path(
    operation_id = "students.guardians.list", tag = "guardians",
    params(ListParameters, GuardianQuery),
    responses((status = 200, description = "A page of guardians", body = Listed<Guardian>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<GuardianQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(Guardian::masked), fields.as_deref())
}

/// Enter a guardian
///
/// One record for all children at the tenant's schools; the caller keeps the records of each child named here.
#[utoipa::path(
    operation_id = "students.guardians.create", tag = "guardians", request_body = GuardianInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = Guardian), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<GuardianInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let guardian = Guardian::masked(writes::create(conn, &caller, &body).await?);
        let location = format!("/v1/guardians/{}", guardian.id);
        Ok(Record::created(guardian, location))
    })
    .await
}

/// How a guardian is to be shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GuardianReadParameters {
    /// Show personal number, phone, e-mail and address in full; needs the right to see sensitive fields of a child of
    /// today, and is logged.
    sensitive: Option<bool>,
}

/// Read a guardian
#[utoipa::path(
    operation_id = "students.guardians.read", tag = "guardians",
    params(("guardian_id" = Uuid, Path, description = "The guardian"), GuardianReadParameters),
    responses((status = 200, description = "The guardian", body = Guardian), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{guardian_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<GuardianId>, parameters: Query<GuardianReadParameters>) -> Result<Record<Guardian>, Problem> {
    if parameters.0.sensitive == Some(true) {
        let mut conn = context.db.get().await?;
        return Ok(Record::of(Guardian::in_full(store::find_sensitive(&mut conn, &caller, *id).await?)));
    }
    Ok(Record::of(Guardian::masked(store::find(&*context.db.share().await?, &caller, *id).await?)))
}

/// Change a guardian
///
/// A merge patch, by whoever keeps the record of a child of today. `children` replaces the list as the caller sees it:
/// entries added, left out or changed need the right to change that child's record, and children of other schools, which
/// the caller does not see, stay as they are. Once somebody is no longer a guardian, give the entry its `valid_to`.
#[utoipa::path(
    operation_id = "students.guardians.update", tag = "guardians", request_body(content = GuardianPatch, content_type = "application/merge-patch+json"),
    params(("guardian_id" = Uuid, Path, description = "The guardian"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The guardian as it is now", body = Guardian), Refusals)
)]
#[patch("/{guardian_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<GuardianId>, seen: IfMatch, patch: GuardianPatch) -> Result<Record<Guardian>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "guardians"), found.record.id, found.record.version).await?;
    let input = patch.apply(&found.to_input())?;
    Ok(Record::of(Guardian::masked(writes::update(&mut conn, &caller, found, &input).await?)))
}

/// Follow changes of guardians
///
/// The latest state of every guardian changed since the cursor.
#[utoipa::path(
    operation_id = "students.guardians.changes", tag = "guardians", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Guardian>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Guardian>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Guardian::masked).collect(), next: page.next, more: page.more }))
}

/// Read a guardian's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions. Of children
/// it tells what concerns those whose records the caller may read, so that a version may show no change.
#[utoipa::path(
    operation_id = "students.guardians.history", tag = "guardians", params(("guardian_id" = Uuid, Path, description = "The guardian")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{guardian_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<GuardianId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(GuardianImporter, "students.guardians", "guardians");
export_routes!(GuardianExporter, "students.guardians", "guardians");
