//! The one table of role × action. Nothing else in Registrar says what a role may do.

registrar_domain::text_enum! {
    /// What a grant makes of an account (vai trò, 角色). Where national systems name roles differently, they are
    /// these, granted in a unit and a hierarchy: an "officer" is whoever works for a unit that manages others.
    Role {
        /// Manages a unit and everything below: units, accounts, grants, records (quản trị, 系统管理员).
        Administrator = "administrator",
        /// Answers for a school's records (hiệu trưởng, S1-103, S2-009).
        HeadTeacher = "head_teacher",
        /// Keeps a school's records (cán bộ tin học, văn thư, 信息录入员; S0-010).
        Clerk = "clerk",
        /// Works for a managing unit and oversees the schools below (chuyên viên, 信息审核员; S1-099).
        Officer = "officer",
        /// Teaches; sees colleagues and classes of the school (giáo viên). Rights over a class follow from the class itself.
        Teacher = "teacher",
        /// Sees figures, not persons (信息查询员).
        Viewer = "viewer",
        /// Another vendor's software that mirrors rosters.
        Integrator = "integrator",
        /// Runs the installation; sees no records (vận hành, 运维). Counts for the installation's first tenant as a whole only.
        Operator = "operator",
    }
}

registrar_domain::text_enum! {
    /// What can be done. A route asks for exactly one.
    Action {
        /// See units and their hierarchies.
        UnitsRead = "units.read",
        /// Create, change and close units.
        UnitsWrite = "units.write",
        /// See accounts.
        AccountsRead = "accounts.read",
        /// Create, change and disable accounts.
        AccountsWrite = "accounts.write",
        /// See grants.
        GrantsRead = "grants.read",
        /// Give and end grants, within what one holds.
        GrantsWrite = "grants.write",
        /// See staff records without sensitive fields.
        StaffRead = "staff.read",
        /// See personal numbers and contacts of staff; every read is logged.
        StaffReadSensitive = "staff.read_sensitive",
        /// Create, change and end staff records.
        StaffWrite = "staff.write",
        /// See school years.
        SchoolYearsRead = "school_years.read",
        /// Create and change school years.
        SchoolYearsWrite = "school_years.write",
        /// See classes.
        ClassesRead = "classes.read",
        /// Create, change and end classes.
        ClassesWrite = "classes.write",
        /// See students and enrolments without sensitive fields.
        StudentsRead = "students.read",
        /// See personal numbers of students; every read is logged.
        StudentsReadSensitive = "students.read_sensitive",
        /// Create and change students, enrol and transfer them.
        StudentsWrite = "students.write",
        /// See teaching assignments.
        AssignmentsRead = "assignments.read",
        /// Create, change and end teaching assignments (S1-071, S1-072).
        AssignmentsWrite = "assignments.write",
        /// See headcounts.
        ReportsRead = "reports.read",
        /// See how the installation is doing: services, lag, jobs, events that could not be applied, errors.
        OperationsRead = "operations.read",
        /// Try events again that could not be applied, compare copies with their owners.
        OperationsWrite = "operations.write",
    }
}

impl Action {
    /// Whether the action changes something or shows sensitive data: refused while authority is stale.
    #[must_use]
    pub fn needs_fresh_authority(self) -> bool {
        let name = self.as_str();
        name.ends_with(".write") || name.ends_with(".read_sensitive")
    }
}

/// Whether `role` may do `action` within the reach of its grant.
#[must_use]
pub fn allows(role: Role, action: Action) -> bool {
    use Action as A;
    match role {
        Role::Administrator => true,
        Role::HeadTeacher => !matches!(action, A::UnitsWrite | A::SchoolYearsWrite | A::OperationsRead | A::OperationsWrite),
        Role::Clerk => !matches!(action, A::UnitsWrite | A::SchoolYearsWrite | A::AccountsWrite | A::GrantsWrite | A::OperationsRead | A::OperationsWrite),
        Role::Officer => matches!(
            action,
            A::UnitsRead
                | A::AccountsRead
                | A::GrantsRead
                | A::StaffRead
                | A::StaffReadSensitive
                | A::SchoolYearsRead
                | A::ClassesRead
                | A::StudentsRead
                | A::AssignmentsRead
                | A::ReportsRead
        ),
        Role::Teacher => matches!(action, A::UnitsRead | A::StaffRead | A::SchoolYearsRead | A::ClassesRead | A::AssignmentsRead),
        Role::Viewer => matches!(action, A::UnitsRead | A::SchoolYearsRead | A::ReportsRead),
        Role::Integrator => matches!(action, A::UnitsRead | A::StaffRead | A::SchoolYearsRead | A::ClassesRead | A::StudentsRead | A::AssignmentsRead),
        Role::Operator => matches!(action, A::OperationsRead | A::OperationsWrite),
    }
}

/// The roles that may do `action`, by name, for SQL.
#[must_use]
pub fn roles_for(action: Action) -> Vec<&'static str> {
    Role::ALL.iter().copied().filter(|role| allows(*role, action)).map(Role::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_published_as_they_are_written() {
        use utoipa::PartialSchema;
        let schema = serde_json::to_value(Role::schema()).unwrap();
        assert_eq!(schema["enum"][1], serde_json::to_value(Role::HeadTeacher).unwrap());
        assert!(schema["description"].as_str().unwrap().contains("* `head_teacher`: Answers for"));
    }

    #[test]
    fn only_an_administrator_may_change_units() {
        assert_eq!(roles_for(Action::UnitsWrite), ["administrator"]);
        assert!(Action::ALL.iter().all(|action| allows(Role::Administrator, *action)));
    }

    #[test]
    fn operations_are_for_those_who_run_the_installation() {
        assert_eq!(roles_for(Action::OperationsWrite), ["administrator", "operator"]);
        assert_eq!(roles_for(Action::OperationsRead), roles_for(Action::OperationsWrite));
    }

    #[test]
    fn no_role_writes_what_it_cannot_read() {
        for role in Role::ALL {
            for action in Action::ALL.iter().filter(|action| action.as_str().ends_with(".write")) {
                let read: Action = action.as_str().replace(".write", ".read").parse().unwrap();
                assert!(!allows(*role, *action) || allows(*role, read), "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn sensitive_reads_are_for_those_who_keep_or_oversee_the_records() {
        assert_eq!(roles_for(Action::StudentsReadSensitive), ["administrator", "head_teacher", "clerk"]);
        assert!(!allows(Role::Teacher, Action::StaffReadSensitive) && !allows(Role::Integrator, Action::StaffReadSensitive));
    }
}
