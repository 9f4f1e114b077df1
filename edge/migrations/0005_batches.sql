-- Batches of projects, as they are listed. What they do is with their Durable Objects.
CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- 1 until it has ended: as many as that an organization may have.
  is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  -- As callers see it, in JSON.
  batch TEXT NOT NULL
) STRICT;

CREATE INDEX batches_by_project ON batches (project_id, created_at_ms, id);
CREATE INDEX batches_active ON batches (org_id) WHERE is_active = 1;
