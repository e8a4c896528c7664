//! The tables that every service database has (`migrations/shared`).

diesel::table! {
    /// The generation of this database.
    epoch (only_row) { only_row -> Bool, value -> BigInt, }
}

diesel::table! {
    /// Former states of tracked rows.
    history (aggregate, id, version) {
        aggregate -> Text,
        id -> Uuid,
        tenant_id -> Uuid,
        version -> BigInt,
        state -> Jsonb,
    }
}

diesel::table! {
    /// Changes the relay has still to publish.
    outbox (sequence) {
        sequence -> BigInt,
        aggregate -> Text,
        id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        traceparent -> Nullable<Text>,
    }
}

diesel::table! {
    /// Events that could not be applied.
    parked (event_id) {
        event_id -> Text,
        aggregate -> Text,
        id -> Uuid,
        event -> Bytea,
        reason -> Text,
        attempts -> Integer,
        parked_at -> Timestamptz,
        next_attempt_at -> Timestamptz,
    }
}

diesel::table! {
    /// Answers to requests that carried an Idempotency-Key.
    idempotency_keys (tenant_id, account_id, client, route, key) {
        tenant_id -> Uuid,
        account_id -> Uuid,
        client -> Text,
        route -> Text,
        key -> Text,
        body_digest -> Bytea,
        status -> SmallInt,
        headers -> Jsonb,
        body -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Reads of sensitive fields.
    access_log (id) {
        id -> BigInt,
        tenant_id -> Uuid,
        account_id -> Uuid,
        on_behalf_of -> Nullable<Uuid>,
        client -> Text,
        request_id -> Uuid,
        aggregate -> Text,
        record_ids -> Array<Uuid>,
        fields -> Array<Text>,
        read_at -> Timestamptz,
    }
}

diesel::table! {
    /// Imports of files.
    imports (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        resource -> Text,
        account_id -> Uuid,
        client -> Text,
        request_id -> Uuid,
        dry_run -> Bool,
        file -> Nullable<Bytea>,
        state -> Text,
        reason -> Nullable<Text>,
        total -> Integer,
        done -> Integer,
        created -> Integer,
        changed -> Integer,
        unchanged -> Integer,
        failed -> Integer,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        held_until -> Nullable<Timestamptz>,
        mode -> Text,
        locale -> Text,
        confirmed -> Bool,
        changed_by_unit -> Jsonb,
        held_for -> Jsonb,
        attempts -> Integer,
    }
}

diesel::table! {
    /// What was wrong with the rows of an import.
    import_errors (import_id, line, place) {
        import_id -> Uuid,
        line -> Integer,
        place -> Integer,
        field -> Text,
        code -> Text,
        detail -> Text,
        value -> Nullable<Text>,
        sheet -> Text,
        row_number -> Integer,
        column_letter -> Text,
        header -> Text,
    }
}

diesel::table! {
    /// Exports of lists.
    exports (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        resource -> Text,
        account_id -> Uuid,
        client -> Text,
        request_id -> Uuid,
        format -> Text,
        locale -> Text,
        query -> Text,
        sensitive -> Bool,
        state -> Text,
        reason -> Nullable<Text>,
        rows -> Integer,
        bytes -> BigInt,
        attempts -> Integer,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        held_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The files of imports, in parts.
    import_parts (import_id, part) {
        import_id -> Uuid,
        part -> Integer,
        content -> Binary,
    }
}

diesel::table! {
    /// The files of exports, in parts.
    export_parts (export_id, part) {
        export_id -> Uuid,
        part -> Integer,
        content -> Binary,
    }
}
