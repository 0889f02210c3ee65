-- Users who are switched off are few, and looked for.
CREATE INDEX users_inactive ON users (id) WHERE NOT is_active;

-- What a user did, to whomever: so that it is found, and so that the user's address leaves the trail with the user.
CREATE INDEX audit_log_by_actor ON audit_log (actor, occurred_at) WHERE actor <> 'anonymous';
