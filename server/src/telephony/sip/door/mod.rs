//! The door in front of rsipstack: what it lets in is well-formed, from somebody who may send that much, and in a form that the
//! stack can read. What is malformed is answered here, without state; what is too much is dropped and counted.
//!
//! No sockets and no clock: `listen/` brings the bytes and the time.

mod address;
mod answer;
mod bucket;
mod check;
mod counters;
mod frame;
mod gate;
mod head;
mod sources;
mod via;

pub(crate) use counters::{Counters, Dropped};
pub(super) use frame::{Frame, Framer, Lost};

use check::{Refusal, bad};
use gate::{Gate, NewCall, Who};
use head::Head;
use model::limits;
use rsipstack::sip::param::Received;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Method, Param, SipMessage, Transport};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::SipConnection;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

/// Agents of programs that look for telephones to call at other people's cost.
const SCANNERS: [&str; 10] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "pplsip",
    "sundayddr",
    "vaxsipuseragent",
    "iwar",
];

/// Is that a trunk's address? It is asked for each message, so it has to be quick.
pub(crate) type Trusted = dyn Fn(IpAddr) -> bool + Send + Sync;

/// One for the server.
pub(crate) struct Door {
    gate: Mutex<Gate>,
    trusted: Box<Trusted>,
    counters: Counters,
    /// For tags, which are the same when a request is sent again.
    tags: RandomState,
}

/// What becomes of a message.
#[derive(Debug)]
pub(super) enum Verdict {
    Pass(Box<Passed>),
    /// To where it came from.
    Answer(Vec<u8>),
    Drop,
    /// Too many: a stream waits and asks again, a datagram is lost.
    TooMany,
}

#[derive(Debug)]
pub(super) struct Passed {
    pub(super) message: SipMessage,
    pub(super) key: TransactionKey,
    /// An INVITE that would make a call, as far as the door can see: it may be one that is sent again.
    pub(super) new_call: Option<Head>,
}

/// What stands behind the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// The transaction is known: the message is sent again, or belongs to a call.
    Known,
    /// It would be one more than so many.
    New { transactions: usize },
}

impl Door {
    /// Trusts this machine, and whom `trusted` says.
    pub(crate) fn new(trusted: Box<Trusted>) -> Door {
        let gate = Mutex::new(Gate::new(0));
        Door { gate, trusted, counters: Counters::default(), tags: RandomState::new() }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn who(&self, ip: IpAddr) -> Who {
        let ip = ip.to_canonical();
        // 127.0.0.1 and ::1, not all of 127.0.0.0/8.
        let is_here = ip == IpAddr::from([127, 0, 0, 1]) || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
        Who { ip, trusted: is_here || (self.trusted)(ip) }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Looks at a message that came from `from` at `now_ms`, a time of a clock that never goes back.
    pub(super) fn examine(&self, bytes: &[u8], from: SocketAddr, carrier: Transport, now_ms: u64) -> Verdict {
        let who = self.who(from.ip());
        if !self.gate().message(who, now_ms) {
            return Verdict::TooMany;
        }
        // RFC 3261 section 7.5: line ends before a message mean nothing.
        let start = bytes.iter().position(|b| !b"\r\n".contains(b)).unwrap_or(bytes.len());
        let bytes = &bytes[start..];
        let mut head = Head::read(bytes);
        if is_scanner(&head) {
            self.counters.note(Dropped::Scanner);
            return Verdict::Drop;
        }
        if head.start.starts_with("SIP/") {
            return self.response(&mut head, bytes, from, carrier);
        }
        match self.request(&mut head, bytes, from, carrier) {
            Ok(passed) => Verdict::Pass(Box::new(passed)),
            Err(refusal) => self.refuse(&head, refusal, from, now_ms),
        }
    }

    fn request(
        &self,
        head: &mut Head,
        bytes: &[u8],
        from: SocketAddr,
        carrier: Transport,
    ) -> Result<Passed, Refusal> {
        if carrier == Transport::Udp && bytes.len() > limits::SIP_BYTES {
            return Err(check::TOO_LONG);
        }
        let asked = check::request(head)?;
        let body = body(head, bytes, asked.body_bytes).ok_or(bad("more Content-Length than content"))?;
        let (message, key) = understood(head, &bytes[..body.end], body.start, from, carrier)
            .ok_or(bad("a header that cannot be read"))?;
        let new_call = (asked.method == Method::Invite && !asked.in_dialog).then(|| head.clone());
        Ok(Passed { message, key, new_call })
    }

    fn response(&self, head: &mut Head, bytes: &[u8], from: SocketAddr, carrier: Transport) -> Verdict {
        let is_one =
            bytes.len() <= limits::SIP_HEADER_BYTES + limits::SIP_BODY_BYTES && check::is_response(head);
        let said = check::content_length(head).ok().flatten();
        let body = body(head, bytes, said).filter(|_| is_one);
        let read = body.and_then(|body| understood(head, &bytes[..body.end], body.start, from, carrier));
        match read {
            Some((message, key)) => Verdict::Pass(Box::new(Passed { message, key, new_call: None })),
            None => {
                self.counters.note(Dropped::Stray);
                Verdict::Drop
            }
        }
    }

    /// May a message that passed go on, given what stands behind?
    pub(super) fn admit(
        &self,
        passed: &Passed,
        behind: Behind,
        from: SocketAddr,
        now_ms: u64,
    ) -> Result<(), Verdict> {
        let Behind::New { transactions } = behind else { return Ok(()) };
        if !passed.message.is_request() {
            return Ok(());
        }
        let who = self.who(from.ip());
        let most = if who.trusted { 2 * limits::SIP_TRANSACTIONS } else { limits::SIP_TRANSACTIONS };
        if transactions >= most {
            self.counters.note(Dropped::Full);
            return Err(Verdict::Drop);
        }
        let Some(head) = &passed.new_call else { return Ok(()) };
        let call = self.gate().new_call(who, now_ms);
        if call == NewCall::Taken {
            return Ok(());
        }
        self.counters.note(Dropped::TooManyCalls);
        let later = Refusal { status: 503, phrase: "Service Unavailable", why: "too many calls from there" };
        Err(match call {
            NewCall::Later => self.refuse(head, later, from, now_ms),
            NewCall::Taken | NewCall::Dropped => Verdict::Drop,
        })
    }

    /// The last answer on a stream that cannot be read any further.
    pub(super) fn lost(&self, lost: &Lost, from: SocketAddr, now_ms: u64) -> Option<Vec<u8>> {
        match self.refuse(&lost.head, lost.refusal, from, now_ms) {
            Verdict::Answer(answer) => Some(answer),
            _ => None,
        }
    }

    fn refuse(&self, head: &Head, refusal: Refusal, from: SocketAddr, now_ms: u64) -> Verdict {
        let mine = [head.first("Call-ID", "i"), head.first("From", "f"), head.first("CSeq", "CSeq")];
        let tag = format!("{:016x}", self.tags.hash_one(mine));
        let answer = answer::refuse(head, refusal, from, &tag)
            .filter(|_| self.gate().answer(self.who(from.ip()), now_ms));
        let reason = match (&answer, refusal.status) {
            (None, _) => Dropped::Unreadable,
            (Some(_), 513) => Dropped::TooLong,
            (Some(_), 503) => return answer.map_or(Verdict::Drop, Verdict::Answer),
            (Some(_), _) => Dropped::Refused,
        };
        self.counters.note(reason);
        answer.map_or(Verdict::Drop, Verdict::Answer)
    }

    /// A connection was made; it is counted until the guard is dropped. `None`: it is one too many.
    pub(super) fn connect(self: &Arc<Self>, ip: IpAddr, now_ms: u64) -> Option<ConnectionGuard> {
        let connected = self.gate().connect(self.who(ip), now_ms);
        match connected {
            Ok(()) => Some(ConnectionGuard { door: Arc::clone(self), ip }),
            Err(reason) => {
                self.counters.note(reason);
                None
            }
        }
    }

    pub(super) fn note(&self, dropped: Dropped) {
        self.counters.note(dropped);
    }

    /// How long a connection of theirs may be silent.
    pub(super) fn idle_ms(&self, ip: IpAddr) -> u64 {
        let stays = self.who(ip).trusted || self.gate().has_calls(ip);
        if stays { limits::SIP_IDLE_IN_CALL_MS } else { limits::SIP_IDLE_MS }
    }

    /// A call of theirs is up; it is counted until the guard is dropped.
    pub(crate) fn call(self: &Arc<Self>, ip: IpAddr) -> CallGuard {
        // The time matters only for buckets that are full anyway where the source is new.
        self.gate().call_up(self.who(ip), 0);
        CallGuard { door: Arc::clone(self), ip }
    }
}

/// One of a source's calls.
pub(crate) struct CallGuard {
    door: Arc<Door>,
    ip: IpAddr,
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.door.gate().call_over(self.ip);
    }
}

/// One of a source's connections.
pub(super) struct ConnectionGuard {
    door: Arc<Door>,
    ip: IpAddr,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.door.gate().disconnected(self.ip);
    }
}

fn is_scanner(head: &Head) -> bool {
    let is_one = |text: &str| SCANNERS.iter().any(|scanner| text.to_ascii_lowercase().contains(scanner));
    // Those that hide their agent still leave their name in From.
    head.first("User-Agent", "User-Agent").is_some_and(is_one) || head.first("From", "f").is_some_and(is_one)
}

/// Where the body lies: to the end of the datagram where its length is not told (RFC 3261 section 18.3), and what follows it
/// is left out. `None`: it is shorter than it is said to be.
fn body(head: &Head, bytes: &[u8], said: Option<usize>) -> Option<std::ops::Range<usize>> {
    let available = bytes.len() - head.body_at;
    let length = said.unwrap_or(available);
    (length <= available).then(|| head.body_at..head.body_at + length)
}

/// As the stack reads it, with where it came from in its Via, and its transaction.
fn understood(
    head: &Head,
    bytes: &[u8],
    body_at: usize,
    from: SocketAddr,
    carrier: Transport,
) -> Option<(SipMessage, TransactionKey)> {
    let plain = head.message(bytes, body_at..bytes.len());
    let message = SipMessage::try_from(&plain[..]).ok()?;
    let message = came_from(message, from, carrier)?;
    let key = match &message {
        SipMessage::Request(request) => {
            TransactionKey::from_request(request, TransactionRole::Server).ok()?
        }
        SipMessage::Response(response) => {
            TransactionKey::from_response(response, TransactionRole::Client).ok()?
        }
    };
    Some((message, key))
}

/// Writes into the topmost Via of a request where it came from (RFC 3261 section 18.2.1, RFC 3581 section 4): of a datagram's
/// sender nothing else is known behind the door, so it says so always, and what the sender wrote there is gone. The stack leaves
/// that in where sent-by is right, and cannot read the IPv6 addresses that it writes.
fn came_from(message: SipMessage, from: SocketAddr, carrier: Transport) -> Option<SipMessage> {
    let SipMessage::Request(mut request) = message else { return Some(message) };
    if carrier != Transport::Udp {
        return SipConnection::update_msg_received(request.into(), from, carrier).ok();
    }
    let written = request.via_header_mut().ok()?.update_first_value(|via| {
        let mut typed = via.typed()?;
        typed.params.retain(|param| !matches!(param, Param::Received(_) | Param::Rport(_)));
        typed.params.push(Param::Received(Received::new(from.ip().to_string())));
        typed.params.push(Param::Rport(Some(from.port())));
        Ok(typed.into())
    });
    written.is_ok().then(|| request.into())
}

/// Takes bytes as a datagram and as a stream in pieces, from a stranger and from this machine; what passes is returned.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(bytes: &[u8]) -> Vec<SipMessage> {
    let door = Door::new(Box::new(|_| false));
    let (stranger, here) =
        (SocketAddr::from(([192, 0, 2, 9], 4000)), SocketAddr::from(([127, 0, 0, 1], 4000)));
    let mut verdicts = vec![door.examine(bytes, here, Transport::Udp, 0)];
    let mut framer = Framer::default();
    let pieces = bytes.chunks(usize::from(bytes.first().copied().unwrap_or(1)).max(1));
    'stream: for (now_ms, piece) in pieces.enumerate() {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Ping)) => {}
                Ok(Some(Frame::Message(message))) => {
                    verdicts.push(door.examine(&message, stranger, Transport::Tcp, now_ms as u64));
                }
                Err(lost) => {
                    let _ = door.lost(&lost, stranger, now_ms as u64);
                    break 'stream;
                }
            }
        }
        assert!(framer.held() <= limits::SIP_HEADER_BYTES + limits::SIP_BODY_BYTES + 256);
    }
    let mut messages = Vec::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Pass(passed) => {
                let _ = door.admit(&passed, Behind::New { transactions: 0 }, stranger, 0);
                messages.push(passed.message);
            }
            Verdict::Answer(answer) => {
                assert!(SipMessage::try_from(&answer[..]).is_ok(), "an answer that nobody can read");
            }
            Verdict::Drop | Verdict::TooMany => {}
        }
    }
    messages
}

#[cfg(test)]
mod tests;
