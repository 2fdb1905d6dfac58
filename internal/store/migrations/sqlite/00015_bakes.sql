-- +goose Up

-- The bake of the job that made the file, counted from 1; 0: it came with the scene.
ALTER TABLE files ADD COLUMN bake INTEGER NOT NULL DEFAULT 0;
