//! Who may see which records of a school: by grants, or because of the classes that they teach.

use std::collections::HashSet;

use registrar_access::Action;

use super::{
    school::{Assignment, Class, Enrolment, School, Student},
    world::{Account, Authority, Standing},
};

/// An account, with the classes of the person behind it.
pub struct Viewer<'a> {
    pub account: &'a Account,
    authority: &'a Authority,
    school: &'a School,
    /// Classes of which the person is the homeroom teacher.
    homeroom: HashSet<usize>,
    /// These, and those in which the person teaches today.
    taught: HashSet<usize>,
}

impl<'a> Viewer<'a> {
    pub fn new(authority: &'a Authority, school: &'a School, account: &'a Account) -> Self {
        let mut viewer = Viewer { account, authority, school, homeroom: HashSet::new(), taught: HashSet::new() };
        // Who has left has no class any more.
        let Some(staff) = account.staff.filter(|staff| !school.gone.contains(staff)) else { return viewer };
        viewer.homeroom = (0..school.classes.len()).filter(|class| school.classes[*class].homeroom == Some(staff)).collect();
        let today = authority.today;
        let runs = |assignment: &&Assignment| !assignment.ended && assignment.from <= today && assignment.to.is_none_or(|to| today <= to);
        viewer.taught = school.assignments.iter().filter(runs).filter(|assignment| assignment.staff == staff).map(|assignment| assignment.class).collect();
        viewer.taught.extend(&viewer.homeroom);
        viewer
    }

    /// Whether a grant allows it.
    pub fn may(&self, action: Action, record: Standing) -> bool {
        self.authority.grants(self.account, action, record)
    }

    pub fn has_role_for(&self, action: Action) -> bool {
        self.authority.has_role_for(self.account, action)
    }

    /// Whether lists are answered at all: members of staff are shown what there is of their own classes, be it nothing.
    pub fn is_answered(&self, action: Action) -> bool {
        self.has_role_for(action) || self.account.staff.is_some()
    }

    pub fn standing(&self, student: &Student) -> Standing {
        Standing { unit: student.unit, level: student.level, class: student.class.map(|class| self.school.classes[class].id) }
    }

    pub fn sees_student(&self, student: &Student) -> bool {
        self.may(Action::StudentsRead, self.standing(student)) || student.class.is_some_and(|class| self.taught.contains(&class))
    }

    pub fn sees_class(&self, place: usize) -> bool {
        self.may(Action::ClassesRead, self.class(place).standing()) || self.taught.contains(&place)
    }

    /// Whether the account may see the students of a class, whichever they are.
    pub fn sees_students_of(&self, place: usize) -> bool {
        self.may(Action::StudentsRead, self.class(place).standing()) || self.taught.contains(&place)
    }

    pub fn sees_enrolment(&self, enrolment: &Enrolment) -> bool {
        self.may(Action::StudentsRead, self.class(enrolment.class).standing()) || self.homeroom.contains(&enrolment.class)
    }

    /// Teachers see what they are to teach themselves.
    pub fn sees_assignment(&self, assignment: &Assignment) -> bool {
        let own = self.account.staff == Some(assignment.staff);
        own || self.may(Action::AssignmentsRead, self.class(assignment.class).standing()) || self.homeroom.contains(&assignment.class)
    }

    fn class(&self, place: usize) -> &Class {
        &self.school.classes[place]
    }
}
