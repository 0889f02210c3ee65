-- Users who were erased, and whom the file of a SQLite database may still hold. Here it stays empty: the files are the server's.
CREATE TABLE unwiped_erasures (
    user_id uuid NOT NULL PRIMARY KEY
);
