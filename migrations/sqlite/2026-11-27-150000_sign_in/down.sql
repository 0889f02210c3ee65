DROP TABLE signing_keys;
DROP TABLE login_failures;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP INDEX users_by_role;
ALTER TABLE users DROP COLUMN role;
