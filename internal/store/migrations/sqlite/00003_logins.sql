-- +goose Up

-- Browsers that were let in. A login of a token that is not there counts for nothing.
CREATE TABLE logins (
    id      TEXT    PRIMARY KEY,
    token   TEXT    NOT NULL,
    hash    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    browser TEXT    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL
) WITHOUT ROWID;
