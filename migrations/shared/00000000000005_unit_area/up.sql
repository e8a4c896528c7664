-- The area a unit lies in, as scheme/version/code. area_scheme and area_code are no longer used.
alter table units add column area text;
