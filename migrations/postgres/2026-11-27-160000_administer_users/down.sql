DROP INDEX audit_log_by_actor;
DROP INDEX users_inactive;
