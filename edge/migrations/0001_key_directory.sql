-- The directory of keys: who owns which key, for people and the admin API. It holds nothing that could admit a request:
-- the hash of a key's secret lives only in its KeyGate, and no request reads this database.
CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id),
  name TEXT NOT NULL,
  redacted_value TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER
) STRICT;

CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at_ms, id);

-- Every installation starts with one organization and one project, so that a first key can be made.
INSERT INTO organizations (id, name, created_at_ms) VALUES ('org_default', 'Default', 0);
INSERT INTO projects (id, org_id, name, created_at_ms) VALUES ('proj_default', 'org_default', 'Default', 0);
