//! Everything has a limit, and the limits stand here. Change one here and nowhere else.

/// So many in a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

/// Members and callers still in their menu, in one room.
pub const LEGS_PER_ROOM: usize = 2_000;
/// Calls on the whole server.
pub const LEGS: usize = 10_000;
/// Digits of a PIN.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 1..=8;
/// PIN entries of one call.
pub const PIN_TRIES: u8 = 3;
/// Callers whose wrong PINs are remembered.
pub const PIN_CALLERS: usize = 10_000;
/// Rooms whose wrong PINs are remembered.
pub const PIN_ROOMS: usize = 10_000;
/// Wrong PINs of one room that are remembered, an hour at most.
pub const PIN_WRONG_KEPT_PER_ROOM: usize = 1_000;
/// Digits of a telephone number, short ones included (ITU-T E.164 ends at 15).
pub const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 2..=15;
/// Bytes of an e-mail address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES: usize = 254;
/// Characters of a room's description.
pub const DESCRIPTION_CHARS: usize = 80;
/// Characters of a password.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 10..=200;
/// Characters of a caller's number or name as shown; the rest is cut.
pub const CALLER_CHARS: usize = 64;
/// Characters of a NIC handle.
pub const NIC_CHARS: std::ops::RangeInclusive<usize> = 2..=32;
/// Passwords that are hashed at once, each on 19 MiB and a thread; others wait.
pub const PASSWORD_HASHES_AT_ONCE: usize = 2;
/// Milliseconds that an unused session lasts: 30 days.
pub const SESSION_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Sessions of one account; one more ends the oldest.
pub const SESSIONS_PER_ACCOUNT: usize = 50;
/// Audit rows that are kept of one room.
pub const AUDIT_ROWS_PER_ROOM: usize = 10_000;
/// Largest RTP datagram that is read, in bytes; larger ones are cut by the kernel and then refused.
pub const RTP_BYTES: usize = 1_500;
/// Milliseconds after which a call from which nothing comes is ended: 30 s.
pub const NO_SOUND_MS: u64 = 30_000;
/// Milliseconds in which a port that was given back is not used again, if there is another.
pub const PORT_QUARANTINE_MS: u64 = 30_000;
/// Commands that wait for one media thread; past that the caller is told `Busy`.
pub const COMMAND_QUEUE: usize = 4_096;
/// Events of one media thread that wait for the control side.
pub const EVENT_QUEUE: usize = 8_192;
/// Deltas that one watcher may lag behind before it is given a fresh snapshot.
pub const WATCHER_QUEUE: usize = 64;
/// Watchers of one room.
pub const WATCHERS_PER_ROOM: usize = 2_000;
/// Bytes of a message from a watcher; watchers have nothing to say.
pub const WATCHER_MESSAGE_BYTES: usize = 1_024;
/// Bytes of an HTTP request's body.
pub const HTTP_BODY_BYTES: usize = 64 * 1_024;
/// Largest SIP datagram that is taken, in bytes.
pub const SIP_BYTES: usize = 8_000;
/// Bytes of a SIP message's header section, its empty line included.
pub const SIP_HEADER_BYTES: usize = 8_000;
/// Header lines of a SIP message.
pub const SIP_HEADERS: usize = 200;
/// Bytes of a SIP message's body on TCP and TLS.
pub const SIP_BODY_BYTES: usize = 16 * 1_024;
/// Addresses where SIP is served, of each kind.
pub const SIP_LISTENERS: usize = 16;
/// Sources of SIP whose rates are remembered at once: IPv4 addresses and IPv6 networks of 64 bits.
pub const SIP_SOURCES: usize = 16_384;
/// SIP messages of a source that is no trunk.
pub const STRANGER_MESSAGES: Rate = Rate { per_second: 50, burst: 200 };
/// SIP messages of a trunk's address, or of this machine.
pub const TRUSTED_MESSAGES: Rate = Rate { per_second: 5_000, burst: 10_000 };
/// New calls of a source that is no trunk.
pub const STRANGER_CALLS: Rate = Rate { per_second: 5, burst: 20 };
/// New calls of a trunk's address, or of this machine.
pub const TRUSTED_CALLS: Rate = Rate { per_second: 400, burst: 1_000 };
/// Calls of a source that is no trunk, at the same time.
pub const STRANGER_CALLS_AT_ONCE: usize = 50;
/// What the door itself answers to a source that is no trunk.
pub const STRANGER_ANSWERS: Rate = Rate { per_second: 10, burst: 40 };
/// What the door itself answers to a trunk's address, or to this machine.
pub const TRUSTED_ANSWERS: Rate = Rate { per_second: 500, burst: 1_000 };
/// SIP messages of all sources together that are no trunk.
pub const STRANGERS_MESSAGES: Rate = Rate { per_second: 2_000, burst: 4_000 };
/// New calls of all sources together that are no trunk.
pub const STRANGERS_CALLS: Rate = Rate { per_second: 100, burst: 200 };
/// What the door itself answers to all sources together that are no trunk.
pub const STRANGERS_ANSWERS: Rate = Rate { per_second: 200, burst: 400 };
/// SIP transactions that are remembered, each for 32 s after its end (RFC 3261 timers), before strangers' requests are
/// dropped. Trunks may fill twice as many.
pub const SIP_TRANSACTIONS: usize = 50_000;
/// TCP and TLS connections for SIP; a quarter is kept for trunks.
pub const SIP_CONNECTIONS: usize = 1_000;
/// TCP and TLS connections of a source that is no trunk.
pub const STRANGER_CONNECTIONS: usize = 50;
/// Milliseconds in which a connection that we open must be up, its TLS handshake included.
pub const CONNECT_MS: u64 = 5_000;
/// TLS handshakes at the same time.
pub const TLS_HANDSHAKES: usize = 64;
/// Milliseconds that a TLS handshake may take.
pub const TLS_HANDSHAKE_MS: u64 = 5_000;
/// Milliseconds from a SIP message's first byte to its last, on TCP and TLS; and to the first message of a connection.
pub const SIP_MESSAGE_MS: u64 = 10_000;
/// Milliseconds that a connection of a source without a call may be silent.
pub const SIP_IDLE_MS: u64 = 120_000;
/// Milliseconds that a connection of a trunk, or of a source with a call, may be silent.
pub const SIP_IDLE_IN_CALL_MS: u64 = 3_600_000;
/// Milliseconds that a peer may take to accept what is written to its connection.
pub const SIP_WRITE_MS: u64 = 10_000;
/// Messages that wait to be written to one connection.
pub const SIP_STREAM_QUEUE: usize = 64;
/// Bytes of an SDP body that is parsed.
pub const SDP_BYTES: usize = 8 * 1_024;
/// Lines of an SDP body that are parsed.
pub const SDP_LINES: usize = 200;
/// `a=crypto` lines of a stream that are looked at.
pub const SDP_CRYPTO_LINES: usize = 16;
/// Characters of such a line.
pub const SDP_CRYPTO_CHARS: usize = 256;
/// Sources (SSRCs) of a phone whose encrypted packets are read, in one call and under one key.
pub const SRTP_SOURCES: usize = 16;
/// Milliseconds between two deltas of a conference: at most 20 a second.
pub const DELTA_INTERVAL_MS: u64 = 50;
/// Numbers of one account.
pub const NUMBERS_PER_ACCOUNT: usize = 10_000;
/// INVITEs that are remembered so that none is taken twice, by two ways.
pub const REMEMBERED_INVITES: usize = 16_384;
/// Requests that wait for one call to answer them.
pub const REQUESTS_OF_A_CALL: usize = 4;
/// Parts of a multipart body that are looked at, at each depth.
pub const BODY_PARTS: usize = 10;
/// Headers of a body's part.
pub const BODY_PART_HEADERS: usize = 20;
/// Telephones that a call was sent on from, as kept of one call.
pub const DIVERSIONS: usize = 10;
/// Seconds of the shortest session interval (RFC 4028 section 5).
pub const SESSION_INTERVAL_MIN_S: u32 = 90;
/// Seconds of the longest session interval: a day.
pub const SESSION_INTERVAL_MAX_S: u32 = 86_400;
/// Calls that are told at once why they may not come in, beyond the legs of a room; more are refused without a word.
pub const REFUSALS_PER_ROOM: usize = 100;
/// Trunks in the settings file.
pub const TRUNKS: usize = 50;
/// Characters of a trunk's name.
pub const TRUNK_NAME_CHARS: usize = 40;
/// Peers of one trunk in the settings file.
pub const PEERS_PER_TRUNK: usize = 100;
/// Addresses that DNS may give to one trunk; the rest is left out.
pub const ADDRESSES_PER_TRUNK: usize = 100;
/// Telephones with a password of their own.
pub const PHONES: usize = 1_000;
/// Characters of the user part of a SIP address in the settings file.
pub const SIP_USER_CHARS: usize = 64;
/// Milliseconds that a digest challenge may be answered.
pub const NONCE_MS: u64 = 5 * 60 * 1_000;
/// Answered challenges that are remembered, so that no answer is taken twice.
pub const NONCES: usize = 10_000;
/// Bytes of a sound file that an operator puts in a prompt's place.
pub const PROMPT_BYTES: usize = 32 * 1_024 * 1_024;
/// Seconds of such a file; music on hold may be this long.
pub const PROMPT_SECONDS: usize = 300;
/// Samples per second of a sound file.
pub const SOUND_FILE_HZ: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Files in a language's folder of such files.
pub const PROMPT_FILES: usize = 2_000;
/// Bytes of a sound file that an owner uploads.
pub const ANNOUNCEMENT_BYTES: usize = 10 * 1_024 * 1_024;
/// Seconds of an announcement.
pub const ANNOUNCEMENT_SECONDS: usize = 300;
/// Characters of an uploaded file's name; the rest is cut.
pub const ANNOUNCEMENT_NAME_CHARS: usize = 100;
/// Bytes of an upload's HTTP body that are read, so that it can be answered; past [`ANNOUNCEMENT_BYTES`] none are kept.
pub const UPLOAD_BODY_BYTES: usize = 4 * ANNOUNCEMENT_BYTES;
/// Uploads that are received at once.
pub const UPLOADS_AT_ONCE: usize = 8;
/// Milliseconds in which an upload must have arrived.
pub const UPLOAD_MS: u64 = 10 * 60 * 1_000;
/// Uploaded files that are decoded at once, each by a process of its own.
pub const CONVERSIONS_AT_ONCE: usize = 2;
/// Milliseconds that an upload waits for its turn to be decoded.
pub const CONVERSION_WAIT_MS: u64 = 20_000;
/// Milliseconds that decoding may take.
pub const CONVERSION_MS: u64 = 60_000;
/// Seconds of processor time that decoding may take.
pub const CONVERSION_CPU_S: u64 = 30;
/// Bytes of address space of a process that decodes.
pub const CONVERSION_MEMORY_BYTES: u64 = 512 * 1_024 * 1_024;
/// Bytes of the converted sound.
pub const CONVERTED_BYTES: usize = 4 * 1_024 * 1_024;
/// Bytes of decoded announcements that are kept for the next calls.
pub const ANNOUNCEMENT_CACHE_BYTES: usize = 64 * 1_024 * 1_024;
/// Milliseconds of a recording: seven hours.
pub const RECORDING_MS: u64 = 7 * 60 * 60 * 1_000;
/// Samples of recorded sound that wait for their file, of one media thread; what comes while there are as many is silence
/// in the recording. 2 MiB; 21 s of one room at 48 kHz.
pub const RECORDING_QUEUE_SAMPLES: usize = 1_024 * 1_024;
/// Ticks of recorded sound that wait for their file, of one media thread.
pub const RECORDING_QUEUE_TICKS: usize = 8_192;
/// Milliseconds of a recording in one page of its file: so much is lost at most when the program is killed.
pub const RECORDING_PAGE_MS: u64 = 500;
/// Milliseconds between two times that recordings are written through to the disk, and that its free space is looked at.
pub const RECORDING_SYNC_MS: u64 = 1_000;
/// Megabytes free on the disk below which no new recording begins, if the settings say nothing else.
pub const RECORDING_FREE_MB: u64 = 1_024;
/// Recordings go on until this part of that is left: a quarter.
pub const RECORDING_LAST_PART: u64 = 4;
/// Days that recordings are kept, at most as the settings may say: ten years.
pub const RECORDING_DAYS: u64 = 3_650;
/// Milliseconds between two times that recordings are looked through for those to be removed.
pub const RECORDING_SWEEP_MS: u64 = 60 * 60 * 1_000;
/// What is to be written into the history and waits for the database.
pub const LEDGER_QUEUE: usize = 4_096;
/// Recordings that a room's history shows, the latest ones.
pub const HISTORY_ROWS: usize = 500;
/// Announcements that are spoken by telephone at once; each takes 9.6 MB while it goes on.
pub const DICTATIONS_AT_ONCE: usize = 8;
