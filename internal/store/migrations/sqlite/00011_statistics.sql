-- +goose Up

-- What a worker tried, of all jobs.
CREATE INDEX attempts_worker ON attempts (worker, seq);
CREATE INDEX attempts_worker_failed ON attempts (worker, seq) WHERE outcome <> 'done';

-- What was rendered by whom, in sums that stay when the jobs are deleted. As long as a job is there, its sums are those
-- of its attempts after summed.after.
CREATE TABLE sums (
    day     INTEGER NOT NULL, -- since 1970, UTC
    job     INTEGER NOT NULL, -- summed.job
    worker  INTEGER NOT NULL, -- words.id; 0: none
    seconds REAL    NOT NULL, -- that workers rendered, also for what failed
    done    INTEGER NOT NULL, -- frames
    failed  INTEGER NOT NULL, -- attempts
    expired INTEGER NOT NULL,
    PRIMARY KEY (day, job, worker)
) WITHOUT ROWID;

-- The jobs that have sums, as they are called now or were at last.
CREATE TABLE summed (
    job   INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL,
    owner TEXT    NOT NULL,
    after INTEGER NOT NULL DEFAULT 0 -- attempts up to this seq came with an archive and were rendered elsewhere or are counted with another job
);

-- Names of workers that are not known any more.
CREATE TABLE departed (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO sums SELECT ended / 86400000000, job, coalesce(worker, 0), sum(CASE WHEN seconds > 1000000 THEN 1000000 WHEN seconds > 0 THEN seconds ELSE 0 END),
    count(*) FILTER (WHERE outcome = 'done'), count(*) FILTER (WHERE outcome = 'failed'), count(*) FILTER (WHERE outcome = 'expired') FROM attempts
    WHERE outcome IN ('done', 'failed', 'expired') GROUP BY 1, 2, 3;
INSERT INTO summed SELECT j.id, CASE WHEN json_valid(s.spec) THEN coalesce(json_extract(s.spec, '$.name'), j.search) ELSE j.search END, j.owner, 0
    FROM jobs j LEFT JOIN specs s ON s.job = j.id WHERE j.id IN (SELECT DISTINCT job FROM sums);

-- When a worker may be given work, in the words of its settings; seconds without a user.
ALTER TABLE workers ADD COLUMN hours TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN when_idle INTEGER NOT NULL DEFAULT 0;
