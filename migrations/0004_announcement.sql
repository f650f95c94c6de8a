-- A sound of the owner's that callers hear before the PIN, if the room's option is on.
ALTER TABLE rooms ADD COLUMN announce_file INTEGER NOT NULL DEFAULT 0 CHECK (announce_file IN (0, 1));

-- `id` names the sound in the folder `announcements` beside the database: another sound is another file. `name` is what
-- its owner called the file; no path is made of it. `wave` is the outline that the page draws. `account_id` is no
-- reference: the row outlives the account.
CREATE TABLE announcements (
    room_id    BLOB    NOT NULL PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    length_ms  INTEGER NOT NULL CHECK (length_ms > 0),
    bytes      INTEGER NOT NULL CHECK (bytes > 0),
    wave       BLOB    NOT NULL,
    uploaded   INTEGER NOT NULL,
    account_id BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
