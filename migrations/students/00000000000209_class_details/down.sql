alter table classes drop column first_foreign_language, drop column foreign_language_programme, drop column foreign_language_periods;
