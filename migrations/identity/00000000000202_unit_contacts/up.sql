-- How to reach a unit. Other services have no copy of it.
alter table units
    add column phone   text,
    add column email   text,
    add column address text;
