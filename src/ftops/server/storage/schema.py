"""The tables, as they came to be: one script for each version, run in their order.

Owns every ``CREATE`` and ``ALTER``. A script that was released is never changed: data folders of that version exist.
"""

_V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    expires_at INTEGER, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
);
CREATE INDEX files_by_purpose ON files (purpose, seq);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    finished_at INTEGER, estimated_finish INTEGER, organization_id TEXT NOT NULL, model TEXT NOT NULL, base TEXT NOT NULL,
    model_hash TEXT NOT NULL, training_file TEXT NOT NULL, training_sha256 TEXT NOT NULL, validation_file TEXT,
    validation_sha256 TEXT, parent_sha256 TEXT, suffix TEXT, seed INTEGER NOT NULL, method TEXT NOT NULL,
    given TEXT NOT NULL, resolved TEXT, metadata TEXT, integrations TEXT NOT NULL, total_steps INTEGER,
    last_step INTEGER NOT NULL DEFAULT 0, trained_tokens INTEGER, fine_tuned_model TEXT, result_file TEXT, error TEXT
);
CREATE INDEX jobs_unfinished ON jobs (seq) WHERE status IN ('validating_files', 'queued', 'running');
CREATE TABLE job_metadata (
    key TEXT NOT NULL, value TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (key, value, job)
) WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job INTEGER NOT NULL, created_at INTEGER NOT NULL,
    level TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX events_by_job ON events (job, seq);

CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job INTEGER NOT NULL, created_at INTEGER NOT NULL,
    step INTEGER NOT NULL, epoch INTEGER NOT NULL, metrics TEXT NOT NULL, sha256 TEXT, model TEXT
);
CREATE INDEX checkpoints_by_job ON checkpoints (job, seq);

CREATE TABLE models (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, base TEXT NOT NULL,
    owner TEXT NOT NULL, job TEXT NOT NULL, sha256 TEXT NOT NULL
);

CREATE TABLE blob_uses (sha256 TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (sha256, owner)) WITHOUT ROWID;
CREATE INDEX blob_uses_by_owner ON blob_uses (owner);
"""

# Projects: what was there belongs to the default one. Jobs may pause, be trained by a grader's rewards, and be forgotten.
_V2 = """
ALTER TABLE files ADD COLUMN project TEXT NOT NULL DEFAULT 'proj_default';
DROP INDEX files_by_purpose;
CREATE INDEX files_by_project ON files (project, seq);
CREATE INDEX files_by_purpose ON files (project, purpose, seq);

ALTER TABLE jobs ADD COLUMN project TEXT NOT NULL DEFAULT 'proj_default';
CREATE INDEX jobs_by_project ON jobs (project, seq);
ALTER TABLE jobs ADD COLUMN started_at INTEGER;
UPDATE jobs SET started_at = created_at WHERE status NOT IN ('validating_files', 'queued');
ALTER TABLE jobs ADD COLUMN grader TEXT;
DROP INDEX jobs_unfinished;
CREATE INDEX jobs_at_work ON jobs (seq) WHERE status IN ('validating_files', 'queued', 'running', 'pausing');
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
DROP TABLE job_metadata;
CREATE TABLE job_metadata (
    project TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, job INTEGER NOT NULL,
    PRIMARY KEY (project, key, value, job)
) WITHOUT ROWID;
INSERT INTO job_metadata
    SELECT jobs.project, pair.key, pair.value, jobs.seq FROM jobs, json_each(jobs.metadata) AS pair
    WHERE jobs.metadata IS NOT NULL;

ALTER TABLE models ADD COLUMN project TEXT NOT NULL DEFAULT 'proj_default';
CREATE INDEX models_by_project ON models (project, seq);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, mime_type TEXT NOT NULL, lifetime INTEGER,
    status TEXT NOT NULL, file TEXT
) WITHOUT ROWID;
CREATE INDEX uploads_pending ON uploads (expires_at) WHERE status = 'pending';
CREATE TABLE upload_parts (
    id TEXT PRIMARY KEY, upload TEXT NOT NULL, created_at INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX upload_parts_by_upload ON upload_parts (upload);

CREATE TABLE batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, status TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, endpoint TEXT NOT NULL, completion_window TEXT NOT NULL,
    input_file TEXT NOT NULL, input_sha256 TEXT NOT NULL, input_bytes INTEGER NOT NULL, output_seconds INTEGER,
    metadata TEXT, model TEXT, errors TEXT, output_file TEXT, error_file TEXT, in_progress_at INTEGER,
    finalizing_at INTEGER, completed_at INTEGER, failed_at INTEGER, expired_at INTEGER, cancelling_at INTEGER,
    cancelled_at INTEGER, total INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    input_offset INTEGER NOT NULL DEFAULT 0, output_bytes INTEGER NOT NULL DEFAULT 0, error_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX batches_by_project ON batches (project, seq);
CREATE INDEX batches_unfinished ON batches (seq)
    WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');

CREATE TABLE subscriptions (webhook TEXT NOT NULL, event TEXT NOT NULL, project TEXT);
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL, created_at INTEGER NOT NULL,
    due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
);
CREATE INDEX deliveries_by_due ON deliveries (webhook, due_at, seq);
CREATE INDEX deliveries_by_age ON deliveries (created_at);
"""

# Objects that are gone still mark a place in their lists. Parts with equal content are counted once, and jobs by
# reinforcement know whether any answer could be graded.
_V3 = """
CREATE TABLE departed (
    list TEXT NOT NULL, id TEXT NOT NULL, project TEXT NOT NULL, seq INTEGER NOT NULL, departed_at INTEGER NOT NULL,
    PRIMARY KEY (list, id)
) WITHOUT ROWID;
CREATE INDEX departed_by_time ON departed (departed_at);

CREATE INDEX jobs_without_metadata ON jobs (project, seq) WHERE metadata IS NULL OR metadata = '{}';
ALTER TABLE jobs ADD COLUMN has_grades INTEGER NOT NULL DEFAULT 0;

DROP INDEX upload_parts_by_upload;
CREATE INDEX upload_parts_by_upload ON upload_parts (upload, sha256, bytes);

-- Folders of the time when there was one engine.
INSERT OR IGNORE INTO meta SELECT 'engine', 'linear' FROM meta WHERE key = 'id';
"""

MIGRATIONS = (_V1, _V2, _V3)
"""The script at place N makes a database of version N one of version N + 1."""

SCHEMA_VERSION = len(MIGRATIONS)
