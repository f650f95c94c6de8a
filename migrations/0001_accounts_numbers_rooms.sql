-- Accounts, numbers, rooms, and the secrets that open them.
--
-- Identifiers are UUIDs in 16 bytes; times are Unix milliseconds. Secrets are found by their SHA-256: an index
-- compares byte by byte, and what it then reveals by its timing is a hash, not the secret.

CREATE TABLE accounts (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    nic           TEXT    NOT NULL UNIQUE,
    email         TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    created       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one-time link of the first start. It exists only while there is no account.
CREATE TABLE setup_tokens (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    created    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account_id, expires);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- `digits` is the number without its plus sign: +33328003000 and 33328003000 are one line, however the trunk writes it.
CREATE TABLE numbers (
    digits      TEXT    NOT NULL PRIMARY KEY,
    number      TEXT    NOT NULL,
    account_id  BLOB    NOT NULL REFERENCES accounts (id),
    description TEXT    NOT NULL,
    created     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX numbers_by_account ON numbers (account_id);

-- `room_number` 0 is the number's own room, for which a caller types none. `version` grows by one with each save.
CREATE TABLE rooms (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    digits      TEXT    NOT NULL REFERENCES numbers (digits) ON DELETE CASCADE,
    room_number INTEGER NOT NULL DEFAULT 0,
    language    TEXT    NOT NULL,
    pin         TEXT,
    enter_muted INTEGER NOT NULL CHECK (enter_muted IN (0, 1)),
    version     INTEGER NOT NULL DEFAULT 1,
    created     INTEGER NOT NULL,
    UNIQUE (digits, room_number)
) STRICT, WITHOUT ROWID;

-- The token is kept as it is too: the owner's page shows the address.
CREATE TABLE addresses (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    token      TEXT    NOT NULL,
    room_id    BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL CHECK (kind IN ('follow', 'control')),
    created    INTEGER NOT NULL,
    UNIQUE (room_id, kind)
) STRICT, WITHOUT ROWID;

-- Who did what to a live conference. `account_id` is no reference: the row outlives the account.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    room_id    BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    actor      TEXT    NOT NULL CHECK (actor IN ('account', 'control', 'cli')),
    account_id BLOB    CHECK ((account_id IS NULL) = (actor <> 'account')),
    what       TEXT    NOT NULL,
    member     INTEGER,
    caller     TEXT
) STRICT;

CREATE INDEX audit_by_room ON audit (room_id, id);
