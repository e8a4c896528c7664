//! What somebody works as, and the group that statistics count it in.

registrar_domain::text_enum! {
    /// What somebody works as (công việc, chức vụ; 岗位; S1-030, S1-031).
    Position {
        /// Head teacher (hiệu trưởng, 校长).
        HeadTeacher = "head_teacher",
        /// Deputy head teacher (phó hiệu trưởng, 副校长).
        DeputyHeadTeacher = "deputy_head_teacher",
        /// Teacher (giáo viên, 教师).
        Teacher = "teacher",
        /// Leader of the Young Pioneers (tổng phụ trách Đội, 少先队辅导员).
        PioneerLeader = "pioneer_leader",
        /// Clerk (văn thư, 文员).
        Clerk = "clerk",
        /// IT officer (cán bộ tin học, 信息技术人员; S0-010).
        ItOfficer = "it_officer",
        /// Accountant (kế toán, 会计).
        Accountant = "accountant",
        /// Librarian (thư viện, 图书管理员).
        Librarian = "librarian",
        /// Laboratory and equipment officer (thiết bị thí nghiệm, 实验员).
        LaboratoryOfficer = "laboratory_officer",
        /// School nurse (y tế học đường, 校医).
        Nurse = "nurse",
        /// Cook or carer (cấp dưỡng, bảo mẫu; 炊事员).
        Carer = "carer",
        /// Guard (bảo vệ, 保安).
        Guard = "guard",
        /// Officer of a managing unit (chuyên viên, 教育行政人员).
        Officer = "officer",
        /// Anything else.
        Other = "other",
    }
}

registrar_domain::text_enum! {
    /// The groups that statistics count (CBQL, GV, NV; S2-005).
    PositionGroup {
        /// Managers (cán bộ quản lý).
        Manager = "manager",
        /// Teachers (giáo viên).
        Teacher = "teacher",
        /// Employees (nhân viên).
        Employee = "employee",
    }
}

impl Position {
    /// The group it is counted in (S2-005).
    #[must_use]
    pub fn group(self) -> PositionGroup {
        match self {
            Position::HeadTeacher | Position::DeputyHeadTeacher => PositionGroup::Manager,
            Position::Teacher | Position::PioneerLeader => PositionGroup::Teacher,
            _ => PositionGroup::Employee,
        }
    }
}
