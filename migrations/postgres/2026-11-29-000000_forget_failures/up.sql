-- Wrong passwords are forgotten after a time, of users as of nobody.
DROP INDEX login_failures_of_nobody;
CREATE INDEX login_failures_by_time ON login_failures (last_failed_at);
