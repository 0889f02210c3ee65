DROP INDEX sessions_by_cookie;
ALTER TABLE sessions DROP COLUMN cookie_hash;
