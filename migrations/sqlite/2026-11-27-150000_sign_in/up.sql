-- What a user may do beside what all may: each role includes those before it.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'support', 'admin'));

-- Those who may more than others are few, and looked for.
CREATE INDEX users_by_role ON users (role, id) WHERE role <> 'user';

-- A user who stays signed in, somewhere. It ends with its row; what it ended for is in the audit trail.
CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    client_ip    TEXT,
    user_agent   TEXT
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- The refresh tokens that a session had, by their SHA-256: that one of them comes again after its successor was made is how a
-- theft shows. The successor is sealed under the token itself, for those who ask at the same time, and wiped soon after.
CREATE TABLE refresh_tokens (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER,
    successor  BLOB,
    CHECK (successor IS NULL OR rotated_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_with_successor ON refresh_tokens (session_id) WHERE successor IS NOT NULL;
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- Wrong passwords in a row, by a keyed hash of the address, whether or not there is such a user.
CREATE TABLE login_failures (
    address_hash   BLOB    NOT NULL PRIMARY KEY CHECK (length(address_hash) = 32),
    user_id        BLOB    REFERENCES users (id) ON DELETE CASCADE,
    failures       INTEGER NOT NULL,
    last_failed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_failures_by_user ON login_failures (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX login_failures_of_nobody ON login_failures (last_failed_at) WHERE user_id IS NULL;

-- The keys that access tokens are signed with. The latest whose time has come signs; all that are here are published. Only
-- one instance can make the key of a number.
CREATE TABLE signing_keys (
    number      INTEGER NOT NULL PRIMARY KEY,
    kid         TEXT    NOT NULL UNIQUE,
    public_key  BLOB    NOT NULL,
    private_key BLOB    NOT NULL,
    is_sealed   INTEGER NOT NULL CHECK (is_sealed IN (0, 1)),
    created_at  INTEGER NOT NULL,
    signs_from  INTEGER NOT NULL
) STRICT;
