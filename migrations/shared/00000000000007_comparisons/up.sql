-- The newest comparison of each copy here with its owner (`registrar verify`, the operations page).
create table comparisons (
    aggregate   text primary key,
    compared_at timestamptz not null,
    compared    bigint not null,
    missing     bigint not null,
    older       bigint not null,
    newer       bigint not null,
    differing   bigint not null,
    surplus     bigint not null,
    -- False when the comparison stopped because too many rows differed.
    complete    boolean not null
);
