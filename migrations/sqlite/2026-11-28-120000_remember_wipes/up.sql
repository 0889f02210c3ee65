-- Users who were erased, and whom the file may still hold somewhere: written with the erasure, removed when the file was wiped.
CREATE TABLE unwiped_erasures (
    user_id BLOB NOT NULL PRIMARY KEY CHECK (length(user_id) = 16)
) STRICT, WITHOUT ROWID;
