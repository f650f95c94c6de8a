-- Conferences are recorded, or not.
ALTER TABLE rooms ADD COLUMN recording INTEGER NOT NULL DEFAULT 0 CHECK (recording IN (0, 1));

-- From the first member to the last. `ended` is missing while a conference goes on; one that a crash ended gets, at the
-- next start, the last moment that is known of it.
CREATE TABLE conferences (
    id      BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    room_id BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    began   INTEGER NOT NULL,
    ended   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX conferences_by_room ON conferences (room_id, began);
CREATE INDEX conferences_going_on ON conferences (id) WHERE ended IS NULL;

-- `id` names the sound in the folder `recordings` beside the database. `state` is `running`, or how it ended; only then are
-- length and size known. `gaps_ms` of the length are silence in the place of sound that was lost.
CREATE TABLE recordings (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    conference_id BLOB    NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    began         INTEGER NOT NULL,
    state         TEXT    NOT NULL
        CHECK (state IN ('running', 'over', 'limit', 'stopped', 'noSpace', 'failed', 'crash')),
    length_ms     INTEGER NOT NULL DEFAULT 0 CHECK (length_ms >= 0),
    bytes         INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    gaps_ms       INTEGER NOT NULL DEFAULT 0 CHECK (gaps_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX recordings_by_conference ON recordings (conference_id, began);
CREATE INDEX recordings_by_time ON recordings (began);
