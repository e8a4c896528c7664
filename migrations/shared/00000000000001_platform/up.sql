-- What every service database has: the outbox, the history, parked events, idempotency keys.
-- docs/ARCHITECTURE.md explains the write path; docs/adr/0001-write-path.md why it is made of triggers.

-- The generation of this database. It grows by one when the database is restored from a backup, so that
-- what the restored owner says wins over copies that saw later versions of the lost generation.
create table epoch (
    only_row boolean primary key default true check (only_row),
    value    bigint not null default 1
);
insert into epoch default values;

-- Orders rows within one transaction in the change feeds.
create sequence change_sequence as bigint cache 32;

-- Every former state of every tracked row, whole: differences are computed when read.
create table history (
    aggregate  text not null,
    id         uuid not null,
    tenant_id  uuid not null,
    version    bigint not null,
    state      jsonb not null,
    primary key (aggregate, id, version)
);

-- What the relay has still to publish. Events may coalesce: the relay reads the current state.
create table outbox (
    sequence   bigint generated always as identity primary key,
    aggregate  text not null,
    id         uuid not null,
    version    bigint not null,
    created_at timestamptz not null default now()
);

-- Events that this service's consumer could not apply; see `registrar parked`.
create table parked (
    event_id        text primary key,
    aggregate       text not null,
    id              uuid not null,
    event           bytea not null,
    reason          text not null,
    attempts        integer not null default 1,
    parked_at       timestamptz not null default now(),
    next_attempt_at timestamptz not null
);
create index parked_due on parked (next_attempt_at);

-- Answers to POST requests that carried an Idempotency-Key, kept with the write for 48 hours.
create table idempotency_keys (
    tenant_id   uuid not null,
    account_id  uuid not null,
    client      text not null,
    route       text not null,
    key         text not null,
    body_digest bytea not null,
    status      smallint not null,
    headers     jsonb not null,
    body        jsonb,
    created_at  timestamptz not null default now(),
    primary key (tenant_id, account_id, client, route, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Reads of sensitive fields: who saw whose, when, through which application.
create table access_log (
    id           bigint generated always as identity primary key,
    tenant_id    uuid not null,
    account_id   uuid not null,
    on_behalf_of uuid,
    client       text not null,
    request_id   uuid not null,
    aggregate    text not null,
    record_ids   uuid[] not null,
    fields       text[] not null,
    read_at      timestamptz not null default now()
);
create index access_log_by_tenant on access_log (tenant_id, id);

-- Version, time and place in the change feed of a tracked row.
-- An update that sets change_sequence to null is a touch: something embedded in the row's representation
-- changed (the name of a class's homeroom teacher), the row itself did not. It moves in the feed and keeps its version.
create function before_tracked_write() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.change_sequence is not null then
        new.version := old.version + 1;
    end if;
    new.change_xid := pg_current_xact_id()::text::bigint;
    new.change_sequence := nextval('change_sequence');
    return new;
end $$;

-- The former state goes to the history, the fact of the change to the outbox. Argument: the aggregate's name.
create function after_tracked_write() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if new.version = old.version then
            return null;
        end if;
        insert into history (aggregate, id, tenant_id, version, state)
        values (tg_argv[0], old.id, old.tenant_id, old.version, to_jsonb(old));
    end if;
    insert into outbox (aggregate, id, version) values (tg_argv[0], new.id, new.version);
    return null;
end $$;

-- Makes a table tracked. The table must have the columns id, tenant_id, version, change_xid, change_sequence
-- and the author columns changed_at, changed_by, changed_for, changed_via, request_id.
create procedure track(table_name text, aggregate text) language plpgsql as $$
begin
    execute format('create trigger before_tracked_write before insert or update on %I
                    for each row execute function before_tracked_write()', table_name);
    execute format('create trigger after_tracked_write after insert or update on %I
                    for each row execute function after_tracked_write(%L)', table_name, aggregate);
    execute format('create index %I on %I (tenant_id, change_xid, change_sequence)', table_name || '_changes', table_name);
end $$;
