DROP INDEX login_failures_by_time;
CREATE INDEX login_failures_of_nobody ON login_failures (last_failed_at) WHERE user_id IS NULL;
