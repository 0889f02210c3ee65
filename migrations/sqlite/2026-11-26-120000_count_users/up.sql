-- How many users there are, kept by the database itself, whoever changes them: nobody has to read all of them to know.
CREATE TABLE user_counts (
    is_active INTEGER NOT NULL PRIMARY KEY CHECK (is_active IN (0, 1)),
    users     INTEGER NOT NULL
) STRICT;

INSERT INTO user_counts
VALUES (0, (SELECT count(*) FROM users WHERE NOT is_active)), (1, (SELECT count(*) FROM users WHERE is_active));

CREATE TRIGGER count_user_that_comes AFTER INSERT ON users BEGIN
    UPDATE user_counts SET users = users + 1 WHERE is_active = NEW.is_active;
END;

CREATE TRIGGER count_user_that_goes AFTER DELETE ON users BEGIN
    UPDATE user_counts SET users = users - 1 WHERE is_active = OLD.is_active;
END;

CREATE TRIGGER count_user_that_changes AFTER UPDATE OF is_active ON users WHEN OLD.is_active <> NEW.is_active BEGIN
    UPDATE user_counts SET users = users - 1 WHERE is_active = OLD.is_active;
    UPDATE user_counts SET users = users + 1 WHERE is_active = NEW.is_active;
END;
