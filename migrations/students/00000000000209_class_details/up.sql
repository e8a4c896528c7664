-- The first foreign language of a class (S3-068 to S3-070). Coded values are `scheme/version/code`.
alter table classes
    add column first_foreign_language     text,
    add column foreign_language_programme text,
    add column foreign_language_periods   smallint check (foreign_language_periods between 1 and 20),
    add check (first_foreign_language is not null or (foreign_language_programme is null and foreign_language_periods is null));
