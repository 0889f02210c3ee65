DROP INDEX audit_log_by_time;
DROP TABLE outbox_jobs;
