-- The language that the user is written to in (BCP 47); NULL where none is known.
ALTER TABLE users ADD COLUMN locale TEXT;
