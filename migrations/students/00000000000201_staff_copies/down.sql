drop table staff_copies;
