-- A room may refuse callers who withhold their number.
ALTER TABLE rooms ADD COLUMN anonymous_rejection INTEGER NOT NULL DEFAULT 0 CHECK (anonymous_rejection IN (0, 1));
