-- +goose Up

-- Frames that are to be rendered again and whose attempts have not been marked as history yet: the attempts that are
-- there of these positions count for nothing. A large reset is kept here at once and carried out in parts, each of
-- which is a row; before an attempt of a position is added, the position's part is carried out.
CREATE TABLE resets (
    job   INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    first INTEGER NOT NULL, -- the smallest position of the part; parts of a job do not overlap
    spans BLOB    NOT NULL, -- farm.Spans
    PRIMARY KEY (job, first)
) WITHOUT ROWID;
