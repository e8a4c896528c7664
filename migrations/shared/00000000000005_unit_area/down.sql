alter table units drop column area;
