-- +goose Up

-- What was removed of a job's files by a rule: []farm.Removal as JSON; NULL: nothing.
ALTER TABLE specs ADD COLUMN removed TEXT;
