-- What a member types who speaks the room's announcement by telephone.
ALTER TABLE rooms ADD COLUMN control_pin TEXT
    CHECK (control_pin IS NULL OR (length(control_pin) BETWEEN 1 AND 8 AND control_pin <> pin));

-- Whoever typed it acts too: `phone`. SQLite changes no check of a table that is there.
CREATE TABLE audit_with_phone (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    room_id    BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    actor      TEXT    NOT NULL CHECK (actor IN ('account', 'control', 'cli', 'phone')),
    account_id BLOB    CHECK ((account_id IS NULL) = (actor <> 'account')),
    what       TEXT    NOT NULL,
    member     INTEGER,
    caller     TEXT
) STRICT;

INSERT INTO audit_with_phone SELECT id, at, room_id, actor, account_id, what, member, caller FROM audit;
DROP TABLE audit;
ALTER TABLE audit_with_phone RENAME TO audit;
CREATE INDEX audit_by_room ON audit (room_id, id);
