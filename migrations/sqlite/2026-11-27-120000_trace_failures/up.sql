-- Since when a job fails for its own sake: the time for which its service was down is not held against it.
ALTER TABLE outbox_jobs ADD COLUMN failing_since INTEGER;

-- Attempts that were never answered after everything had been said: what the job does may have been done.
ALTER TABLE outbox_jobs ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;
