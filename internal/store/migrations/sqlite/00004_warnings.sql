-- +goose Up

-- What may be wrong with the picture of an attempt: sentences as JSON; NULL: nothing.
ALTER TABLE attempts ADD COLUMN warnings TEXT;
CREATE INDEX attempts_warned ON attempts (job, seq) WHERE warnings IS NOT NULL;
