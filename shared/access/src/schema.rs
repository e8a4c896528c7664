//! Tables of `migrations/shared/*_authority`: identity's own, copies elsewhere.

diesel::table! {
    units (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code -> Text,
        name -> Text,
        name_search -> Text,
        kind -> Text,
        education_levels -> Array<Text>,
        website -> Nullable<Text>,
        area -> Nullable<Text>,
        opened_on -> Date,
        closed_on -> Nullable<Date>,
        status -> Text,
        superiors -> Jsonb,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        display_name -> Text,
        staff_id -> Nullable<Uuid>,
        status -> Text,
        valid_after -> Timestamptz,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    grants (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        role -> Text,
        unit_id -> Uuid,
        hierarchy -> Text,
        education_levels -> Array<Text>,
        class_ids -> Array<Uuid>,
        valid_from -> Date,
        valid_until -> Nullable<Date>,
        status -> Text,
        given_by -> Uuid,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        kid -> Text,
        x -> Text,
        y -> Text,
        not_before -> Timestamptz,
        not_after -> Timestamptz,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    authority_freshness (only_row) {
        only_row -> Bool,
        as_of -> Timestamptz,
        pull_cursor -> Nullable<Text>,
    }
}
