create table pinned (id uuid primary key, tenant_id uuid not null, epoch bigint not null, version bigint not null, text text not null);
