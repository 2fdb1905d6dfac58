-- +goose Up

-- Times are microseconds since 1970 UTC; 0 is no time.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The part of a job that lists filter by and that changes with every report. It is small because a change writes
-- the row anew.
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY,
    gone       INTEGER NOT NULL DEFAULT 0, -- 1: deleted, its rows are being swept; no reader sees it
    state      TEXT    NOT NULL CHECK (state IN ('collecting', 'queued', 'active', 'paused', 'done', 'failed', 'canceled')),
    reason     TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    search     TEXT    NOT NULL, -- the name in lower case
    key        TEXT,             -- NULL: none
    created    INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    total      INTEGER NOT NULL,
    done       INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    running    INTEGER NOT NULL,
    dispatched INTEGER NOT NULL,
    seconds    REAL,             -- NULL: not a number
    missing    INTEGER NOT NULL
);
CREATE INDEX jobs_state ON jobs (state, id) WHERE gone = 0;
CREATE INDEX jobs_gone ON jobs (id) WHERE gone = 1;
CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE gone = 0 AND key IS NOT NULL;

-- The part of a job that hardly changes and may be long.
CREATE TABLE specs (
    job    INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    scene  TEXT NOT NULL,
    folder TEXT NOT NULL,
    spec   TEXT NOT NULL -- farm.JobSpec as JSON
);

-- Finished positions as far as seq goes; later ones are in attempts.
CREATE TABLE finished (
    job   INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    spans BLOB    NOT NULL -- farm.Spans
);

CREATE TABLE files (
    job      INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    path     TEXT    NOT NULL,
    original TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    ref      TEXT    NOT NULL,
    first    INTEGER,
    last     INTEGER,
    PRIMARY KEY (job, path)
) WITHOUT ROWID;

-- Long texts that many rows repeat: names of workers and Blender versions.
CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
);

CREATE TABLE leases (
    id      INTEGER PRIMARY KEY,
    job     INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    worker  INTEGER REFERENCES words (id) DEFERRABLE INITIALLY DEFERRED,
    slot    INTEGER NOT NULL,
    frames  TEXT    NOT NULL, -- numbers with commas
    attempt INTEGER NOT NULL,
    issued  INTEGER NOT NULL
);

-- One row a try at a frame. The key keeps the tries of a job together in the order they ended.
CREATE TABLE attempts (
    job      INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    seq      INTEGER NOT NULL,
    standing INTEGER NOT NULL CHECK (standing IN (0, 1, 2)), -- 0: history, 1: accepted, 2: failed and counted
    position INTEGER NOT NULL,
    frame    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    lease    INTEGER NOT NULL,
    worker   INTEGER,          -- words.id
    outcome  TEXT    NOT NULL,
    final    INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    seconds  REAL,             -- NULL: not a number
    memory   INTEGER NOT NULL,
    install  INTEGER,          -- words.id
    error    TEXT,
    results  TEXT,             -- []farm.Result as JSON
    PRIMARY KEY (job, seq)
) WITHOUT ROWID;
-- The law that a frame has one accepted result.
CREATE UNIQUE INDEX attempts_accepted ON attempts (job, position) WHERE standing = 1;
-- The few others, to be found among millions of accepted ones.
CREATE INDEX attempts_failed ON attempts (job, seq) WHERE outcome <> 'done';
CREATE INDEX attempts_other ON attempts (job, position) WHERE standing <> 1;

CREATE TABLE workers (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    wished     TEXT    NOT NULL,
    slots      INTEGER NOT NULL,
    tags       TEXT    NOT NULL, -- JSON
    facts      TEXT    NOT NULL, -- farm.Facts as JSON
    enabled    INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    draining   INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    seen       INTEGER NOT NULL,
    address    TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    hash    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL
) WITHOUT ROWID;
