drop procedure track;
drop function after_tracked_write;
drop function before_tracked_write;
drop table access_log, idempotency_keys, parked, outbox, history, epoch;
drop sequence change_sequence;
