-- +goose Up

-- Which token speaks for a worker; '' until one registers it. Names may be had twice, ids may not.
ALTER TABLE workers ADD COLUMN token TEXT NOT NULL DEFAULT '';

-- Whose a job is. Jobs from before belong to the oldest token of their owner's name; where there is none any more,
-- admins steer them.
ALTER TABLE jobs ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
UPDATE jobs SET owner_id = coalesce((SELECT t.id FROM tokens t
    WHERE t.name = jobs.owner AND t.role IN ('submit', 'admin') ORDER BY t.created, t.id LIMIT 1), '');

-- Which jobs have a blob.
CREATE INDEX files_ref ON files (ref, job);
