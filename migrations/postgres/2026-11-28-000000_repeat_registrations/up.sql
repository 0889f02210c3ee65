-- The `Idempotency-Key` of a registration, for a day: one that is sent again is answered as it was first. By keyed hashes; of whom
-- it registered, only whether it is the same. The password is held against the user's hash.
CREATE TABLE registration_keys (
    key_hash    bytea       NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint bytea       NOT NULL CHECK (length(fingerprint) = 32),
    user_id     uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL
);

CREATE INDEX registration_keys_by_user ON registration_keys (user_id);
CREATE INDEX registration_keys_by_time ON registration_keys (created_at);
