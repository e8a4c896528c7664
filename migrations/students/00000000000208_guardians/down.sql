drop trigger guardians_follow on students;
drop function touch_guardians;
drop table guardianships;
drop table guardians;
drop function derive_guardianships;
