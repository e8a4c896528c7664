diesel::table! {
    units (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code -> Text,
        name -> Text,
        name_search -> Text,
        name_sort -> Text,
        kind -> Text,
        education_levels -> Array<Text>,
        website -> Nullable<Text>,
        area -> Nullable<Text>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        opened_on -> Date,
        closed_on -> Nullable<Date>,
        status -> Text,
        superiors -> Jsonb,
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
    accounts (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        display_name -> Text,
        name_search -> Text,
        name_sort -> Text,
        staff_id -> Nullable<Uuid>,
        unit_id -> Uuid,
        status -> Text,
        valid_after -> Timestamptz,
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
    credentials (account_id) {
        account_id -> Uuid,
        tenant_id -> Uuid,
        username -> Text,
        username_key -> Text,
        password_hash -> Nullable<Text>,
        failed_attempts -> Integer,
        locked_until -> Nullable<Timestamptz>,
        changed_at -> Timestamptz,
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
        note -> Nullable<Text>,
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
    signing_keys (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        kid -> Text,
        x -> Text,
        y -> Text,
        not_before -> Timestamptz,
        not_after -> Timestamptz,
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
    private_keys (kid) {
        kid -> Text,
        sealed -> Bytea,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        client_id -> Text,
        created_at -> Timestamptz,
        refreshed_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refresh_tokens (digest) {
        digest -> Bytea,
        session_id -> Uuid,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    staff_names (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        full_name -> Text,
        name_search -> Text,
        name_sort -> Text,
        code -> Text,
        status -> Text,
        unit_id -> Uuid,
        epoch -> BigInt,
        version -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(units, accounts, credentials, grants, sessions, refresh_tokens, signing_keys, private_keys);
diesel::joinable!(credentials -> accounts (account_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(grants -> units (unit_id));
