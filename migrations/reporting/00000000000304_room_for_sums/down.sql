alter table headcount_sums reset (fillfactor);
