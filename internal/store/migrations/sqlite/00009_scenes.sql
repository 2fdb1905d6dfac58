-- +goose Up

-- The SHA-256 of the job's .blend, by which jobs of the same scene are found; NULL: its manifest does not name it.
ALTER TABLE specs ADD COLUMN blend TEXT;
UPDATE specs SET blend = (SELECT ref FROM files WHERE files.job = specs.job AND files.path = json_extract(specs.spec, '$.blend'))
    WHERE json_valid(spec);
CREATE INDEX specs_blend ON specs (blend, job) WHERE blend IS NOT NULL;
