//! What a row of a file says of a guardian and one child.

use chrono::NaiveDate;
use registrar_domain::{Code, StudentId};
use registrar_http::imports::{ImportRow, RowResult};

use super::model::{GuardianRelation, Guardianship};

/// The cells that say what a guardian is to a child; nothing of days whose columns the file does not have.
#[derive(Clone, Debug)]
pub struct Link {
    /// What the guardian is to the child.
    pub relation: GuardianRelation,
    legal_representative: Option<bool>,
    primary_contact: Option<bool>,
    valid_from: Option<Option<NaiveDate>>,
    valid_to: Option<Option<NaiveDate>>,
}

impl Link {
    /// Takes the cells; answers the child's code too.
    ///
    /// # Errors
    /// The row's result, when one is empty that must not be, or not of its type.
    pub fn take(row: &mut ImportRow) -> Result<(Code, Self), RowResult> {
        fn day(row: &mut ImportRow, field: &str) -> Result<Option<Option<NaiveDate>>, RowResult> {
            let there = row.cells.contains_key(field);
            row.take(field).map(|day| there.then_some(day))
        }
        let code: Code = row.require("student_code")?;
        let link = Link {
            relation: row.require("relation")?,
            legal_representative: row.take("children.legal_representative")?,
            primary_contact: row.take("children.primary_contact")?,
            valid_from: day(row, "children.valid_from")?,
            valid_to: day(row, "children.valid_to")?,
        };
        // So that they are not taken for members of the record's own list.
        for field in ["children.legal_representative", "children.primary_contact", "children.valid_from", "children.valid_to"] {
            row.cells.remove(field);
        }
        Ok((code, link))
    }

    /// The children with what the row says of this one, and that entry.
    #[must_use]
    pub fn among(&self, children: &[Guardianship], student: StudentId, today: NaiveDate) -> (Vec<Guardianship>, Guardianship) {
        let mut children = children.to_vec();
        let place = self.place(&children, student, today);
        let entry = self.onto(place.and_then(|place| children.get(place)), student);
        match place.and_then(|place| children.get_mut(place)) {
            Some(before) => *before = entry.clone(),
            None => children.push(entry.clone()),
        }
        (children, entry)
    }

    /// The entry that the row is about: that of the same first day; without one, an entry of the same relation that lasts
    /// and shares days with the row. A file without first days means the entry that lasts.
    fn place(&self, children: &[Guardianship], student: StudentId, today: NaiveDate) -> Option<usize> {
        let position = |wanted: &dyn Fn(&Guardianship) -> bool| children.iter().position(|child| child.student_id == student && wanted(child));
        let lasts = |child: &Guardianship| child.valid_to.is_none_or(|last| last >= today);
        let same = |child: &Guardianship| child.relation == self.relation;
        match self.valid_from {
            Some(from) => {
                let shares_days = |child: &Guardianship| self.valid_to.flatten().is_none_or(|last| child.valid_from.is_none_or(|from| from <= last));
                position(&|child| child.valid_from == from).or_else(|| position(&|child| same(child) && lasts(child) && shares_days(child)))
            }
            None => position(&|child| same(child) && lasts(child)).or_else(|| position(&|child| same(child))).or_else(|| position(&|child| lasts(child))),
        }
    }

    fn onto(&self, before: Option<&Guardianship>, student: StudentId) -> Guardianship {
        let parent = matches!(self.relation, GuardianRelation::Father | GuardianRelation::Mother);
        Guardianship {
            student_id: student,
            relation: self.relation,
            legal_representative: self.legal_representative.or(before.map(|before| before.legal_representative)).unwrap_or(parent),
            primary_contact: self.primary_contact.or(before.map(|before| before.primary_contact)).unwrap_or(false),
            valid_from: self.valid_from.unwrap_or(before.and_then(|before| before.valid_from)),
            valid_to: self.valid_to.unwrap_or(before.and_then(|before| before.valid_to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TODAY: &str = "2025-09-15";

    fn day(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    fn link(relation: GuardianRelation, days: Option<(&str, &str)>) -> Link {
        Link { relation, legal_representative: None, primary_contact: None, valid_from: days.map(|days| day(days.0)), valid_to: days.map(|days| day(days.1)) }
    }

    fn told(link: &Link, children: &[Guardianship]) -> Vec<(&'static str, Option<NaiveDate>, Option<NaiveDate>)> {
        let (children, entry) = link.among(children, Uuid::nil().into(), TODAY.parse().unwrap());
        assert!(children.contains(&entry));
        children.iter().map(|child| (child.relation.as_str(), child.valid_from, child.valid_to)).collect()
    }

    #[test]
    fn a_row_is_about_the_entry_of_its_first_day_or_else_the_one_that_lasts() {
        use GuardianRelation::{Father, Guardian};
        let entry = |relation, days| link(relation, Some(days)).onto(None, Uuid::nil().into());
        let held = [entry(Guardian, ("", "2022-12-31")), entry(Father, ("2023-01-01", ""))];
        let (first, second) = (("guardian", None, day("2022-12-31")), ("father", day("2023-01-01"), None));
        for same in [link(Guardian, Some(("", "2022-12-31"))), link(Father, Some(("2023-01-01", ""))), link(Father, None), link(Guardian, None)] {
            assert_eq!(told(&same, &held), [first, second]);
        }
        assert_eq!(told(&link(Father, Some(("2023-02-01", ""))), &held), [first, ("father", day("2023-02-01"), None)], "another first day");
        assert_eq!(told(&link(Father, Some(("2023-01-01", "2025-06-30"))), &held), [first, ("father", day("2023-01-01"), day("2025-06-30"))]);
        assert_eq!(told(&link(Father, Some(("2020-01-01", "2020-12-31"))), &held), [first, second, ("father", day("2020-01-01"), day("2020-12-31"))], "the past");
        assert_eq!(told(&link(Guardian, None), &held[1..]), [("guardian", day("2023-01-01"), None)], "another relation");
        assert_eq!(told(&link(Father, None), &[]), [("father", None, None)]);
    }

    #[test]
    fn father_and_mother_represent_the_child_unless_it_is_said_otherwise() {
        let entry = |relation, legal_representative| Link { legal_representative, ..link(relation, None) }.onto(None, Uuid::nil().into()).legal_representative;
        assert!(entry(GuardianRelation::Father, None) && !entry(GuardianRelation::Relative, None) && !entry(GuardianRelation::Mother, Some(false)));
    }
}
