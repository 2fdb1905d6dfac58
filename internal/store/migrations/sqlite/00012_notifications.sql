-- +goose Up

-- Where the farm tells what happened. The URL and the secret are needed as they are, so whoever can read the file has them.
CREATE TABLE targets (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL,
    url     TEXT    NOT NULL,
    secret  TEXT    NOT NULL,
    shown   TEXT    NOT NULL, -- what may be shown of the URL
    kinds   TEXT    NOT NULL, -- JSON
    owner   TEXT    NOT NULL,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    failing INTEGER NOT NULL,
    error   TEXT    NOT NULL
) WITHOUT ROWID;

-- Messages that a target has not got yet.
CREATE TABLE pending (
    seq     INTEGER PRIMARY KEY,
    target  TEXT    NOT NULL,
    id      TEXT    NOT NULL, -- of the message
    message BLOB    NOT NULL  -- JSON; no text, so that a row is not taken for a job's settings where the file is damaged
);
CREATE UNIQUE INDEX pending_once ON pending (target, id);
