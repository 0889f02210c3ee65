DROP TRIGGER users_are_truncated ON users;
DROP TRIGGER users_change ON users;
DROP TRIGGER users_go ON users;
DROP TRIGGER users_come ON users;
DROP FUNCTION count_users();
DROP FUNCTION note_users();
DROP TABLE user_counts;
