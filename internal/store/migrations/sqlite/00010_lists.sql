-- +goose Up

-- What lists of jobs are sorted by besides.
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
UPDATE jobs SET priority = coalesce((SELECT CAST(json_extract(spec, '$.priority') AS INTEGER) FROM specs WHERE specs.job = jobs.id AND json_valid(spec)), 1);

-- Seconds of all attempts, failed ones too; NULL: not a number.
ALTER TABLE jobs ADD COLUMN machine REAL;
UPDATE jobs SET machine = (SELECT coalesce(sum(seconds), 0) FROM attempts WHERE attempts.job = jobs.id);

-- What lists are filtered by, in one index: those that match are counted, and few of them found, without the rows.
CREATE INDEX jobs_list ON jobs (state, owner, search) WHERE gone = 0;

-- One for each order of a list; the id is the last word of each. The expressions are those of joborder.go.
CREATE INDEX jobs_by_created ON jobs (created) WHERE gone = 0;
CREATE INDEX jobs_by_started ON jobs (started) WHERE gone = 0;
CREATE INDEX jobs_by_ended ON jobs (ended) WHERE gone = 0;
CREATE INDEX jobs_by_name ON jobs (search) WHERE gone = 0;
CREATE INDEX jobs_by_owner ON jobs (owner) WHERE gone = 0;
CREATE INDEX jobs_by_priority ON jobs (priority) WHERE gone = 0;
CREATE INDEX jobs_by_frames ON jobs (total) WHERE gone = 0;
CREATE INDEX jobs_by_failed ON jobs (failed) WHERE gone = 0;
CREATE INDEX jobs_by_state ON jobs (CASE state WHEN 'active' THEN 0 WHEN 'queued' THEN 1 WHEN 'collecting' THEN 2 WHEN 'paused' THEN 3
    WHEN 'failed' THEN 4 WHEN 'canceled' THEN 5 ELSE 6 END) WHERE gone = 0;
CREATE INDEX jobs_by_progress ON jobs (CASE WHEN total > 0 THEN 10000 * done / total ELSE 0 END) WHERE gone = 0;
CREATE INDEX jobs_by_machine ON jobs (CAST(coalesce(machine, 0) AS INTEGER)) WHERE gone = 0;
