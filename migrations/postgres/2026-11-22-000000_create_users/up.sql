-- The byte order of collation "C" makes the comparison of keys exact, fast and safe from upgrades of the system's locales.
CREATE TABLE users (
    id            uuid        NOT NULL PRIMARY KEY,
    email         text        NOT NULL,
    email_key     text        COLLATE "C" NOT NULL CONSTRAINT users_email_key_unique UNIQUE,
    full_name     text        NOT NULL,
    password_hash text        NOT NULL,
    is_active     boolean     NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

-- The trail outlives the user it tells of: no foreign key.
CREATE TABLE audit_log (
    id          uuid        NOT NULL PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    action      text        NOT NULL,
    actor       text        NOT NULL,
    user_id     uuid,
    client_ip   text,
    request_id  text        NOT NULL,
    trace_id    text        NOT NULL,
    details     jsonb       NOT NULL
);

CREATE INDEX audit_log_by_user ON audit_log (user_id, occurred_at);
