drop table school_years;
