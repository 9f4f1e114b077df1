-- What the administration keeps beside keys: archived projects, service accounts, admin keys, and who changed what.
ALTER TABLE projects ADD COLUMN archived_at_ms INTEGER;

CREATE TABLE service_accounts (
  id TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects (id),
  name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  deleted_at_ms INTEGER
) STRICT;

CREATE INDEX service_accounts_by_project ON service_accounts (project_id, created_at_ms, id);

-- Absent: a key that a person made.
ALTER TABLE api_keys ADD COLUMN service_account_id TEXT REFERENCES service_accounts (id);

CREATE INDEX api_keys_by_service_account ON api_keys (service_account_id);

CREATE TABLE admin_api_keys (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  redacted_value TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER
) STRICT;

-- A key that is being made while its project is archived would be missed by the archiving.
CREATE TRIGGER archived_projects_get_no_keys BEFORE INSERT ON api_keys
WHEN EXISTS (SELECT 1 FROM projects WHERE id = NEW.project_id AND archived_at_ms IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'the project is archived');
END;

-- Append-only. What changed is JSON without secrets; who changed it is a key's id, or root for the deployment's ADMIN_KEY.
CREATE TABLE audit_log (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  effective_at_ms INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  ip TEXT,
  project_id TEXT,
  target_id TEXT NOT NULL,
  before TEXT,
  after TEXT
) STRICT;

CREATE INDEX audit_log_by_time ON audit_log (effective_at_ms);

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_is_never_shortened BEFORE DELETE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
