-- What a browser keeps of a session that began on the pages, by its SHA-256; a session that a client of the API began has none.
ALTER TABLE sessions ADD COLUMN cookie_hash bytea CHECK (length(cookie_hash) = 32);

CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;
