-- When the address was shown to be the user's own; NULL as long as it was not.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;
