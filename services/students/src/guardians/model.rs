//! A guardian and the rules that need nothing else.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use registrar_domain::{EmailAddress, Finding, Gender, Period, PersonName, PersonalNumber, PhoneNumber, ShortText, StudentId};
use registrar_store::{Json, StoreResult, history::HistoryEntry};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{classes::model::invalid, schema::guardians};

registrar_domain::typed_id! {
    /// Names a guardian (phụ huynh, người giám hộ, 监护人).
    GuardianId
}

registrar_domain::text_enum! {
    /// What a guardian is to a student (quan hệ với học sinh, 与学生关系).
    GuardianRelation {
        /// Father (cha, 父亲; S1-069).
        Father = "father",
        /// Mother (mẹ, 母亲; S1-070).
        Mother = "mother",
        /// Grandparent (ông, bà; 祖父母、外祖父母).
        Grandparent = "grandparent",
        /// Brother or sister of age (anh, chị; 兄姐).
        Sibling = "sibling",
        /// Another relative (cô, dì, chú, bác; 其他亲属).
        Relative = "relative",
        /// Guardian by law or by appointment (người giám hộ, 监护人).
        Guardian = "guardian",
        /// Anybody else.
        Other = "other",
    }
}

/// What a guardian is to one child, from one day to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardianship {
    /// The child: a student whose record the caller may read.
    pub student_id: StudentId,
    /// What the guardian is to the child.
    pub relation: GuardianRelation,
    /// Whether the guardian exercises the child's rights over personal data (người đại diện theo pháp luật, 法定代理人;
    /// Luật 91/2025 Đ.24, NĐ 356/2025).
    #[serde(default)]
    pub legal_representative: bool,
    /// Whether the school calls this guardian first (số điện thoại liên lạc, 紧急联系人; S1-067).
    #[serde(default)]
    pub primary_contact: bool,
    /// The first day; left out when it was so from birth, or nobody knows.
    pub valid_from: Option<NaiveDate>,
    /// The last day; left out while it lasts.
    pub valid_to: Option<NaiveDate>,
}

impl Guardianship {
    fn period(&self, pointer: &str) -> StoreResult<Period> {
        let from = self.valid_from.unwrap_or(NaiveDate::MIN);
        Period::new(from, self.valid_to).map_err(|error| invalid(&format!("{pointer}/valid_to"), error.code(), error.to_string()))
    }
}

/// What is entered of a guardian, and stored of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, Insertable, AsChangeset, Queryable, Selectable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = guardians, treat_none_as_null = true)]
pub struct GuardianInput {
    /// Full name (họ và tên, 姓名; S1-069, S1-070).
    pub full_name: PersonName,
    /// Gender (giới tính, 性别).
    pub gender: Option<Gender>,
    /// Year of birth (năm sinh, 出生年份), which is what class registers ask for.
    #[schema(minimum = 1900, maximum = 2200)]
    pub birth_year: Option<i16>,
    /// Personal number (số định danh cá nhân, 身份证号), unique among the tenant's guardians. Its gender and year of birth
    /// must agree with the record's.
    pub personal_number: Option<PersonalNumber>,
    /// Phone (số điện thoại liên lạc, 联系电话; S1-067).
    pub phone: Option<PhoneNumber>,
    /// E-mail (thư điện tử, 电子邮箱).
    pub email: Option<EmailAddress>,
    /// Occupation (nghề nghiệp, 职业; S1-069, S1-070).
    pub occupation: Option<ShortText>,
    /// Place of work (nơi làm việc, 工作单位).
    pub workplace: Option<ShortText>,
    /// Address (địa chỉ liên hệ, 联系地址).
    pub address: Option<ShortText>,
    /// The children, former ones included; kept and shown by student and first day. A child whose record the caller may not
    /// read is neither shown here nor taken away by leaving it out.
    #[schema(value_type = Vec<Guardianship>, min_items = 1, max_items = 30)]
    pub children: Json<Vec<Guardianship>>,
}

/// Children kept at most, those included whom the caller does not see.
const MOST_CHILDREN: usize = 30;

impl GuardianInput {
    /// The rules between fields.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] naming the field.
    pub fn check(&self, today: NaiveDate) -> StoreResult<()> {
        if self.birth_year.is_some_and(|year| i32::from(year) > today.year()) {
            return Err(invalid("/birth_year", "future", "is in the future"));
        }
        if let Some(number) = &self.personal_number {
            if let Some(finding) = number.check(self.gender, None).into_iter().find(Finding::is_error) {
                return Err(invalid("/personal_number", finding.code(), "contradicts gender"));
            }
            if self.birth_year.is_some_and(|year| i32::from(year) != number.birth_year()) {
                return Err(invalid("/personal_number", "birth_year_mismatch", "contradicts birth_year"));
            }
        }
        for (place, child) in self.children.0.iter().enumerate() {
            let pointer = format!("/children/{place}");
            let period = child.period(&pointer)?;
            let before = self.children.0.iter().take(place).filter(|other| other.student_id == child.student_id);
            for other in before {
                if other.period(&pointer)?.overlaps(&period) {
                    return Err(invalid(&pointer, "overlaps", "the same child stands here twice on the same days"));
                }
            }
        }
        Ok(())
    }

    /// The same with these children too, in the order in which children are kept: a list in another order is no change.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] when there are too many.
    pub fn with(&self, unseen: impl Iterator<Item = Guardianship>) -> StoreResult<Self> {
        let mut kept = self.clone();
        kept.children.0.extend(unseen);
        kept.children.0.sort_by_key(|child| (child.student_id, child.valid_from));
        if kept.children.0.len() > MOST_CHILDREN { Err(invalid("/children", "too_many", format!("a guardian has {MOST_CHILDREN} children at most"))) } else { Ok(kept) }
    }
}

/// A stored guardian.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = guardians, check_for_backend(diesel::pg::Pg))]
pub struct GuardianRecord {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// What was entered, of all children.
    #[diesel(embed)]
    pub entered: GuardianInput,
    /// Its version.
    pub version: i64,
    /// Its place in the change feed: the transaction.
    pub change_xid: i64,
    /// Its place in the change feed: within the transaction.
    pub change_sequence: Option<i64>,
    /// When it was last changed.
    pub changed_at: chrono::DateTime<chrono::Utc>,
}

/// A guardian as one caller sees it.
#[derive(Clone, Debug)]
pub struct ShownGuardian {
    /// The guardian.
    pub record: GuardianRecord,
    /// The children whose records the caller may read.
    pub seen: BTreeSet<Uuid>,
    /// What is odd about what the guardian is to these children today.
    pub warnings: Vec<String>,
}

impl ShownGuardian {
    /// What was entered, of the children the caller sees.
    #[must_use]
    pub fn to_input(&self) -> GuardianInput {
        let mut input = self.record.entered.clone();
        input.children.0.retain(|child| self.sees(child));
        input
    }

    /// What the record becomes by this input of a caller who does not see all children.
    ///
    /// # Errors
    /// [`registrar_store::StoreError::Invalid`] when the children are too many.
    pub fn completed(&self, input: &GuardianInput) -> StoreResult<GuardianInput> {
        input.with(self.record.entered.children.0.iter().filter(|child| !self.sees(child)).cloned())
    }

    fn sees(&self, child: &Guardianship) -> bool {
        self.seen.contains(&child.student_id.into())
    }
}

/// The students whose entries differ between two lists of children.
#[must_use]
pub fn touched(before: &[Guardianship], after: &[Guardianship]) -> BTreeSet<Uuid> {
    let missing = |from: &'_ [Guardianship], entry: &Guardianship| !from.contains(entry);
    let gone = before.iter().filter(|entry| missing(after, entry));
    let new = after.iter().filter(|entry| missing(before, entry));
    gone.chain(new).map(|entry| entry.student_id.into()).collect()
}

/// The students that a history tells of.
pub fn students_in(entries: &[HistoryEntry]) -> BTreeSet<Uuid> {
    let changes = entries.iter().flat_map(|entry| &entry.changes).filter(|change| change.field == "children");
    changes.flat_map(|change| [&change.old, &change.new]).filter_map(Value::as_array).flatten().filter_map(student_of).collect()
}

/// Leaves of a history's children those of these students; a change that was of others only is gone.
pub fn keep_students(entries: &mut [HistoryEntry], seen: &BTreeSet<Uuid>) {
    for entry in entries {
        for change in entry.changes.iter_mut().filter(|change| change.field == "children") {
            for children in [&mut change.old, &mut change.new].into_iter().filter_map(Value::as_array_mut) {
                children.retain(|child| student_of(child).is_some_and(|student| seen.contains(&student)));
            }
        }
        entry.changes.retain(|change| change.old != change.new);
    }
}

fn student_of(child: &Value) -> Option<Uuid> {
    child.get("student_id")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use registrar_store::{StoreError, history::FieldChange};
    use serde_json::json;

    use super::*;

    fn child(student: u128, relation: GuardianRelation, from: &str, to: &str) -> Guardianship {
        Guardianship {
            student_id: Uuid::from_u128(student).into(),
            relation,
            legal_representative: true,
            primary_contact: false,
            valid_from: from.parse().ok(),
            valid_to: to.parse().ok(),
        }
    }

    fn input(children: Vec<Guardianship>) -> GuardianInput {
        GuardianInput {
            full_name: PersonName::parse("Nguyễn Văn Hùng").unwrap(),
            gender: Some(Gender::Male),
            birth_year: Some(1984),
            personal_number: PersonalNumber::parse("087084000999").ok(),
            phone: None,
            email: None,
            occupation: None,
            workplace: None,
            address: None,
            children: Json(children),
        }
    }

    fn code(input: &GuardianInput) -> (String, &'static str) {
        match input.check("2025-09-15".parse().unwrap()) {
            Err(StoreError::Invalid { pointer, code, .. }) => (pointer, code),
            _ => (String::new(), ""),
        }
    }

    #[test]
    fn a_personal_number_agrees_with_gender_and_year_of_birth() {
        let father = input(Vec::new());
        assert_eq!(code(&father).1, "");
        assert_eq!(code(&GuardianInput { gender: Some(Gender::Female), ..father.clone() }).1, "gender_mismatch");
        assert_eq!(code(&GuardianInput { birth_year: Some(1985), ..father.clone() }).1, "birth_year_mismatch");
        assert_eq!(code(&GuardianInput { birth_year: None, gender: None, ..father.clone() }).1, "");
        assert_eq!(code(&GuardianInput { birth_year: Some(2026), ..father }).1, "future");
    }

    #[test]
    fn a_child_stands_once_on_a_day() {
        use GuardianRelation::{Father, Guardian};
        let of = |children: Vec<Guardianship>| code(&input(children));
        assert_eq!(of(vec![child(1, Guardian, "", "2022-12-31"), child(1, Father, "2023-01-01", ""), child(2, Father, "", "")]).1, "");
        assert_eq!(of(vec![child(1, Guardian, "", "2023-01-01"), child(2, Father, "", ""), child(1, Father, "2023-01-01", "")]), ("/children/2".into(), "overlaps"));
        assert_eq!(of(vec![child(1, Father, "2023-01-02", "2023-01-01")]), ("/children/0/valid_to".into(), "ends_before_it_begins"));
    }

    #[test]
    fn children_one_does_not_see_stay_and_the_order_says_nothing() {
        use GuardianRelation::Mother;
        let entry = |student| child(student, Mother, "", "");
        let record = GuardianRecord {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            entered: input(vec![entry(1), entry(2), entry(3)]),
            version: 1,
            change_xid: 0,
            change_sequence: None,
            changed_at: chrono::DateTime::UNIX_EPOCH,
        };
        let shown = ShownGuardian { seen: BTreeSet::from([Uuid::from_u128(1), Uuid::from_u128(3)]), warnings: Vec::new(), record };
        assert_eq!(shown.to_input().children.0, [entry(1), entry(3)]);
        assert_eq!(shown.completed(&shown.to_input()).unwrap(), shown.record.entered);
        assert_eq!(shown.completed(&input(vec![entry(3), entry(1)])).unwrap(), shown.record.entered);
        assert_eq!(shown.completed(&input(vec![entry(4)])).unwrap().children.0, [entry(2), entry(4)]);
        assert!(shown.completed(&input((10..40).map(entry).collect())).is_err());
        assert_eq!(touched(&[entry(1), entry(3)], &[entry(3), entry(4)]), BTreeSet::from([Uuid::from_u128(1), Uuid::from_u128(4)]));
        assert_eq!(touched(&[entry(1)], &[Guardianship { primary_contact: true, ..entry(1) }]), BTreeSet::from([Uuid::from_u128(1)]));
    }

    #[test]
    fn a_history_tells_of_the_children_one_sees() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |students: &[Uuid]| Value::Array(students.iter().map(|student| json!({"student_id": student})).collect());
        let change = |old: Value, new: Value| FieldChange { field: "children".into(), old, new };
        let mut entries = [HistoryEntry {
            version: 2,
            changed_at: chrono::DateTime::UNIX_EPOCH,
            changed_by: mine,
            changed_for: None,
            changed_via: String::new(),
            request_id: mine,
            changes: vec![change(Value::Null, of(&[mine, other])), change(of(&[mine]), of(&[mine, other]))],
        }];
        assert_eq!(students_in(&entries), BTreeSet::from([mine, other]));
        keep_students(&mut entries, &BTreeSet::from([mine]));
        assert_eq!(entries[0].changes, [change(Value::Null, of(&[mine]))]);
    }
}
