-- How many users there are, kept by the database itself, whoever changes them: nobody has to read all of them to know. It is a
-- heap of changes, and the sum counts: a registration adds a row and waits for nobody, as it would for one row of all.
CREATE TABLE user_counts (
    is_active boolean NOT NULL,
    users     bigint  NOT NULL
);

-- With the rights of its owner: who may write users need not know of this table.
CREATE FUNCTION note_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM user_counts;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO user_counts SELECT is_active, count(*) FROM come GROUP BY is_active;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO user_counts SELECT is_active, -count(*) FROM gone GROUP BY is_active;
    ELSE
        INSERT INTO user_counts VALUES (OLD.is_active, -1), (NEW.is_active, 1);
    END IF;
    RETURN NULL;
END $$;

-- The sums. When there are many rows, puts the sums in their place; two that do so at once do not get into each other's way.
CREATE FUNCTION count_users() RETURNS SETOF user_counts LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF current_setting('transaction_read_only') = 'off' AND (SELECT count(*) > 1000 FROM user_counts) THEN
        WITH changes AS (DELETE FROM user_counts RETURNING is_active, users)
        INSERT INTO user_counts SELECT is_active, sum(users) FROM changes GROUP BY is_active;
    END IF;
    RETURN QUERY SELECT is_active, sum(users)::bigint FROM user_counts GROUP BY is_active;
END $$;

-- Their names mean these tables, whatever the caller's search_path.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['note_users', 'count_users'] LOOP
        EXECUTE format('ALTER FUNCTION %s() SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;

-- This lets nobody else write users until they are counted.
CREATE TRIGGER users_come AFTER INSERT ON users
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION note_users();
CREATE TRIGGER users_go AFTER DELETE ON users
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_users();
CREATE TRIGGER users_change AFTER UPDATE OF is_active ON users
    FOR EACH ROW WHEN (OLD.is_active <> NEW.is_active) EXECUTE FUNCTION note_users();
CREATE TRIGGER users_are_truncated AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION note_users();

INSERT INTO user_counts SELECT is_active, count(*) FROM users GROUP BY is_active;
