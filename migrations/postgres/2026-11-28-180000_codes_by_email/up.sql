-- The codes that emails carry, by their SHA-256: each is for one purpose, of one address, and is used once; one that was asked for in
-- a session, as long as that goes on. Used ones stay for a
-- while, since they count against those who ask for too many.
CREATE TABLE one_time_codes (
    code_hash  bytea       NOT NULL PRIMARY KEY CHECK (length(code_hash) = 32),
    purpose    text        COLLATE "C" NOT NULL,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email      text        NOT NULL,
    email_key  text        COLLATE "C" NOT NULL,
    session_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX one_time_codes_by_user ON one_time_codes (user_id, purpose);
CREATE INDEX one_time_codes_by_address ON one_time_codes (email_key, purpose);
CREATE INDEX one_time_codes_by_end ON one_time_codes (expires_at);
