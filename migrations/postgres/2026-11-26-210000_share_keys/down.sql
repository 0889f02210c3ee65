DROP TABLE shared_keys;
