-- +goose Up

-- 1: a worker looks at a scene; it is in no list of jobs.
ALTER TABLE jobs ADD COLUMN inspect INTEGER NOT NULL DEFAULT 0;

DROP INDEX jobs_list;
CREATE INDEX jobs_list ON jobs (state, owner, search) WHERE gone = 0 AND inspect = 0;
CREATE INDEX jobs_inspections ON jobs (state, owner, search) WHERE gone = 0 AND inspect = 1;
