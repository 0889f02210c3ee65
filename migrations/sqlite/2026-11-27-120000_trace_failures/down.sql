ALTER TABLE outbox_jobs DROP COLUMN unanswered;
ALTER TABLE outbox_jobs DROP COLUMN failing_since;
