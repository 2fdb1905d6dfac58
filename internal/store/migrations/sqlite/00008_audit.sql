-- +goose Up

-- What was done to the farm, by whom and from where.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    who     TEXT    NOT NULL, -- name of the token then
    token   TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    text    TEXT    NOT NULL
);
CREATE INDEX audit_time ON audit (time);
