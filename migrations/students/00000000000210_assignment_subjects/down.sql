alter table assignments drop constraint assignments_coded_subject;
