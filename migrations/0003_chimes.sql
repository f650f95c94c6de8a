-- Members hear a chime when somebody comes or goes, or do not.
ALTER TABLE rooms ADD COLUMN chimes INTEGER NOT NULL DEFAULT 1 CHECK (chimes IN (0, 1));
