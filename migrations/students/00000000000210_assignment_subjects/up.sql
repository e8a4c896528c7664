-- Subjects are codes of a list, `scheme/version/code`. Those entered before, without a list, are of the programme of 2018.
update assignments set subject = 'vn-subject/2018/' || subject where subject not like '%/%/%';
alter table assignments add constraint assignments_coded_subject check (subject like '%/%/%');
