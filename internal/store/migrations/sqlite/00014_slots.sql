-- +goose Up

-- How many slots an admin wants a worker to have; 0: as many as its machine says.
ALTER TABLE workers ADD COLUMN set_slots INTEGER NOT NULL DEFAULT 0;
