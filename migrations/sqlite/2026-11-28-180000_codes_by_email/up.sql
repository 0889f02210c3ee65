-- The codes that emails carry, by their SHA-256: each is for one purpose, of one address, and is used once; one that was asked for in
-- a session, as long as that goes on. Used ones stay for a
-- while, since they count against those who ask for too many.
CREATE TABLE one_time_codes (
    code_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(code_hash) = 32),
    purpose    TEXT    NOT NULL,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL,
    email_key  TEXT    NOT NULL,
    session_id BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_codes_by_user ON one_time_codes (user_id, purpose);
CREATE INDEX one_time_codes_by_address ON one_time_codes (email_key, purpose);
CREATE INDEX one_time_codes_by_end ON one_time_codes (expires_at);
