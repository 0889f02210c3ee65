-- Endpoints of webhooks that answered 410: nothing is sent there until an operator says so, or the endpoint is at another URL,
-- of which this is the SHA-256.
CREATE TABLE webhooks_off (
    topic           text        COLLATE "C" NOT NULL PRIMARY KEY,
    url_hash        bytea       NOT NULL,
    switched_off_at timestamptz NOT NULL
);
