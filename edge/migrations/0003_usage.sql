-- What each request used: one row a request, whoever reports it and how often.
CREATE TABLE usage (
  request_id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  -- Of the last region that worked on it.
  region TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  -- Part of prompt_tokens.
  cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  finish_reason TEXT NOT NULL,
  -- counted: by the engines' own count. pending: a region's count is still to be had. lost: it never will; charged as reserved.
  status TEXT NOT NULL CHECK (status IN ('counted', 'pending', 'lost')),
  -- Tokens reserved, for requests that are not counted.
  reserved_tokens INTEGER,
  -- The regions' receipts as they signed them, a line each.
  receipts TEXT NOT NULL
) STRICT;

CREATE INDEX usage_by_organization ON usage (org_id, started_at_ms);
CREATE INDEX usage_by_key ON usage (key_id, started_at_ms);
