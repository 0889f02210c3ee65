-- Emails with a code within the last hour, by the keyed hash of their address: of whoever asks for many, few are sent. It is of no
-- user: who is erased and registers anew has no more.
CREATE TABLE code_emails (
    code_hash    BLOB        NOT NULL PRIMARY KEY CHECK (length(code_hash) = 32),
    purpose      TEXT        NOT NULL,
    address_hash BLOB        NOT NULL CHECK (length(address_hash) = 32),
    sent_at      INTEGER     NOT NULL
) STRICT;

CREATE INDEX code_emails_by_address ON code_emails (address_hash, purpose, sent_at);
CREATE INDEX code_emails_by_time ON code_emails (sent_at);
