drop table pinned;
