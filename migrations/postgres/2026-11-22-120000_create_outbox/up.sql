-- What follows a commit. The trail outlives the user it tells of, and so do these: no foreign key.
CREATE TABLE outbox_jobs (
    id          uuid        NOT NULL PRIMARY KEY,
    topic       text        COLLATE "C" NOT NULL,
    state       text        COLLATE "C" NOT NULL CHECK (state IN ('pending', 'running', 'delivered', 'dead')),
    payload     jsonb       NOT NULL,
    user_id     uuid,
    request_id  text        NOT NULL,
    traceparent text        NOT NULL,
    attempts    integer     NOT NULL,
    created_at  timestamptz NOT NULL,
    run_at      timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    finished_at timestamptz,
    last_error  text,
    CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL))
);

-- One index serves claims, counts (alone, with its last column), releases and pruning.
CREATE INDEX outbox_jobs_by_state ON outbox_jobs (topic, state, run_at, created_at);

-- Each row changes twice within seconds: clean up after hundreds of jobs, not after a fifth of a week of them.
ALTER TABLE outbox_jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- For pruning, and for reading the trail of all users.
CREATE INDEX audit_log_by_time ON audit_log (occurred_at);
