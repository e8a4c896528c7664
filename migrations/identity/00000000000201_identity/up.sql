-- Identity owns the tables of migrations/shared/*_authority. Here they get their owner's columns (who wrote what, the
-- place in the change feed) and are tracked; names for signing in, passwords, private keys and sessions lie in tables
-- of their own, untracked, so that they enter neither the history nor events.
create extension if not exists pg_trgm;

-- Units (đơn vị). status follows from closed_on: closed as soon as a last day is entered, also a future one.
alter table units
    -- Derived from name: the order of a list.
    add column name_sort       text collate "C" not null,
    add column change_xid      bigint not null default 0,
    add column change_sequence bigint default 0,
    add column changed_at      timestamptz not null,
    add column changed_by      uuid not null,
    add column changed_for     uuid,
    add column changed_via     text not null,
    add column request_id      uuid not null,
    add constraint units_unique_code unique (tenant_id, code),
    add check ((status = 'closed') = (closed_on is not null)),
    add check (closed_on >= opened_on),
    add check ((area_scheme is null) = (area_code is null));
-- A tenant is named by the code of its root unit when somebody signs in.
create unique index tenants_unique_code on units (code) where id = tenant_id;
create index units_by_sort on units (tenant_id, name_sort, id);
create index units_name_search on units using gin (name_search gin_trgm_ops);
create index units_feed on units (change_xid, change_sequence);
call track('units', 'identity.unit');

-- Accounts (tài khoản).
alter table accounts
    -- The home unit: whoever manages accounts there manages this one.
    add column unit_id         uuid not null,
    add column name_search     text not null,
    add column name_sort       text collate "C" not null,
    add column change_xid      bigint not null default 0,
    add column change_sequence bigint default 0,
    add column changed_at      timestamptz not null,
    add column changed_by      uuid not null,
    add column changed_for     uuid,
    add column changed_via     text not null,
    add column request_id      uuid not null;
create index accounts_by_name on accounts (tenant_id, name_sort, id);
create index accounts_by_unit on accounts (tenant_id, unit_id, name_sort, id);
create index accounts_by_staff on accounts (staff_id) where staff_id is not null;
-- One person, one account that can be used: rights over classes follow from the link.
create unique index accounts_unique_staff_id on accounts (staff_id) where staff_id is not null and status = 'active';
create index accounts_name_search on accounts using gin (name_search gin_trgm_ops);
create index accounts_feed on accounts (change_xid, change_sequence);
call track('accounts', 'identity.account');

-- How an account signs in. username_key is the username as it is compared.
create table credentials (
    account_id      uuid primary key references accounts (id),
    tenant_id       uuid not null,
    username        text not null,
    username_key    text not null,
    -- argon2id; null until a password is set.
    password_hash   text,
    failed_attempts integer not null default 0,
    locked_until    timestamptz,
    changed_at      timestamptz not null,
    constraint credentials_unique_username unique (tenant_id, username_key)
);

-- Grants (phân quyền).
alter table grants
    -- Such as the handover record it rests on.
    add column note            text,
    add column change_xid      bigint not null default 0,
    add column change_sequence bigint default 0,
    add column changed_at      timestamptz not null,
    add column changed_by      uuid not null,
    add column changed_for     uuid,
    add column changed_via     text not null,
    add column request_id      uuid not null,
    add check (valid_until >= valid_from);
create index grants_by_unit on grants (tenant_id, unit_id, id);
create index grants_feed on grants (change_xid, change_sequence);
call track('grants', 'identity.grant');

-- Keys that tokens are signed with; the nil tenant: all tenants.
alter table signing_keys
    add column change_xid      bigint not null default 0,
    add column change_sequence bigint default 0,
    add column changed_at      timestamptz not null,
    add column changed_by      uuid not null,
    add column changed_for     uuid,
    add column changed_via     text not null,
    add column request_id      uuid not null;
create index signing_keys_feed on signing_keys (change_xid, change_sequence);
call track('signing_keys', 'identity.signing_key');

-- Private halves, sealed with the secret given from outside.
create table private_keys (
    kid    text primary key references signing_keys (kid),
    sealed bytea not null
);

-- Sign-ins. A session ends on sign-out, on a new password, on disabling, and when a refresh token comes twice.
create table sessions (
    id           uuid primary key,
    tenant_id    uuid not null,
    account_id   uuid not null references accounts (id),
    client_id    text not null,
    created_at   timestamptz not null,
    refreshed_at timestamptz not null,
    ended_at     timestamptz
);
create index sessions_of on sessions (account_id) where ended_at is null;
create index sessions_age on sessions (refreshed_at);

-- The family of a session's refresh tokens, by their SHA-256: at most one is unused.
create table refresh_tokens (
    digest     bytea primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index refresh_tokens_of on refresh_tokens (session_id);
create index refresh_tokens_used on refresh_tokens (used_at);

-- What identity knows of staff: an account's display name follows the linked record (S0-017).
create table staff_names (
    id          uuid primary key,
    tenant_id   uuid not null,
    full_name   text not null,
    name_search text not null,
    name_sort   text not null,
    code        text not null,
    status      text not null,
    unit_id     uuid not null,
    epoch       bigint not null,
    version     bigint not null
);
