-- +goose Up

-- The workers that failed a job and are not to get it again.
CREATE TABLE refusals (
    job     INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    workers TEXT NOT NULL -- ids as JSON
);
