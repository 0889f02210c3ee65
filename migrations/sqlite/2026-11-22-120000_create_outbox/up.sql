-- What follows a commit. The trail outlives the user it tells of, and so do these: no foreign key.
CREATE TABLE outbox_jobs (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    topic       TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'delivered', 'dead')),
    payload     TEXT    NOT NULL CHECK (json_valid(payload)),
    user_id     BLOB    CHECK (length(user_id) = 16),
    request_id  TEXT    NOT NULL,
    traceparent TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    lease_until INTEGER,
    lease_token BLOB    CHECK (length(lease_token) = 16),
    finished_at INTEGER,
    last_error  TEXT,
    CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL))
) STRICT;

-- One index serves claims, counts (alone, with its last column), releases and pruning.
CREATE INDEX outbox_jobs_by_state ON outbox_jobs (topic, state, run_at, created_at);

-- For pruning, and for reading the trail of all users.
CREATE INDEX audit_log_by_time ON audit_log (occurred_at);
