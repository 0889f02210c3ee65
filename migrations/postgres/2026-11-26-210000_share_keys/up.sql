-- Keys that all instances must agree on and nobody has set. Not for keys whose secrecy matters beside the data themselves.
CREATE TABLE shared_keys (
    name  text  COLLATE "C" NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);
