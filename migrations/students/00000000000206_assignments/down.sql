drop table assignments;
