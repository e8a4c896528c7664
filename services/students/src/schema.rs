diesel::table! {
    staff_copies (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code -> Text,
        full_name -> Text,
        position -> Text,
        unit_id -> Uuid,
        status -> Text,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    school_years (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code -> Text,
        name -> Text,
        starts_on -> Date,
        ends_on -> Date,
        version -> BigInt,
        change_xid -> BigInt,
        change_sequence -> Nullable<BigInt>,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
        changed_for -> Nullable<Uuid>,
        changed_via -> Text,
        request_id -> Uuid,
    }
}

diesel::table! {
    classes (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        unit_id -> Uuid,
        school_year_id -> Uuid,
        name -> Text,
        name_key -> Text,
        name_search -> Text,
        name_sort -> Text,
        grade -> Nullable<SmallInt>,
        education_level -> Text,
        homeroom_teacher_id -> Nullable<Uuid>,
        status -> Text,
        ended_on -> Nullable<Date>,
        end_reason -> Nullable<Text>,
        version -> BigInt,
        change_xid -> BigInt,
        change_sequence -> Nullable<BigInt>,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
        changed_for -> Nullable<Uuid>,
        changed_via -> Text,
        request_id -> Uuid,
    }
}

diesel::table! {
    students (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code -> Text,
        full_name -> Text,
        name_search -> Text,
        name_sort -> Text,
        birth_date -> Date,
        gender -> Text,
        personal_number -> Nullable<Text>,
        status -> Text,
        ended_on -> Nullable<Date>,
        end_reason -> Nullable<Text>,
        unit_id -> Uuid,
        education_level -> Nullable<Text>,
        class_id -> Nullable<Uuid>,
        version -> BigInt,
        change_xid -> BigInt,
        change_sequence -> Nullable<BigInt>,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
        changed_for -> Nullable<Uuid>,
        changed_via -> Text,
        request_id -> Uuid,
    }
}

diesel::table! {
    enrolments (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        student_id -> Uuid,
        class_id -> Uuid,
        enrolled_on -> Date,
        ended_on -> Nullable<Date>,
        end_reason -> Nullable<Text>,
        unit_id -> Uuid,
        school_year_id -> Uuid,
        education_level -> Text,
        grade -> Nullable<SmallInt>,
        gender -> Text,
        version -> BigInt,
        change_xid -> BigInt,
        change_sequence -> Nullable<BigInt>,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
        changed_for -> Nullable<Uuid>,
        changed_via -> Text,
        request_id -> Uuid,
    }
}

diesel::table! {
    assignments (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        staff_id -> Uuid,
        class_id -> Uuid,
        subject -> Text,
        periods_per_week -> SmallInt,
        valid_from -> Date,
        valid_to -> Nullable<Date>,
        status -> Text,
        unit_id -> Uuid,
        education_level -> Text,
        version -> BigInt,
        change_xid -> BigInt,
        change_sequence -> Nullable<BigInt>,
        changed_at -> Timestamptz,
        changed_by -> Uuid,
        changed_for -> Nullable<Uuid>,
        changed_via -> Text,
        request_id -> Uuid,
    }
}
