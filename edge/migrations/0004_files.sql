-- Files of projects: what R2 holds under each name. A row is there before its object and goes after it, so that no object is
-- ever without one.
CREATE TABLE files (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  filename TEXT NOT NULL,
  -- While it is uploaded: what is set aside for it.
  size_bytes INTEGER NOT NULL,
  -- uploading: seen by nobody yet. ready. deleting: seen by nobody any more.
  state TEXT NOT NULL CHECK (state IN ('uploading', 'ready', 'deleting')),
  -- R2's name of an upload in parts that is under way.
  upload_id TEXT,
  created_at_ms INTEGER NOT NULL,
  -- When the sweep takes it: of an upload, when it is given up.
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_project ON files (project_id, created_at_ms, id);
CREATE INDEX files_by_expiry ON files (expires_at_ms);

-- What the files of an organization take together.
CREATE TABLE file_storage (
  org_id TEXT PRIMARY KEY,
  size_bytes INTEGER NOT NULL
) STRICT;

CREATE TRIGGER files_take_storage AFTER INSERT ON files
BEGIN
  INSERT INTO file_storage (org_id, size_bytes) VALUES (NEW.org_id, NEW.size_bytes)
  ON CONFLICT (org_id) DO UPDATE SET size_bytes = size_bytes + NEW.size_bytes;
END;

CREATE TRIGGER files_change_storage AFTER UPDATE OF size_bytes ON files
BEGIN
  UPDATE file_storage SET size_bytes = size_bytes + NEW.size_bytes - OLD.size_bytes WHERE org_id = NEW.org_id;
END;

CREATE TRIGGER files_give_storage_back AFTER DELETE ON files
BEGIN
  UPDATE file_storage SET size_bytes = size_bytes - OLD.size_bytes WHERE org_id = OLD.org_id;
END;
