drop table assignments;
drop table students;
drop table classes;
drop table school_years;
