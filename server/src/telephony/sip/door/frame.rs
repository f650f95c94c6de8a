//! Where a message on a stream begins and ends (RFC 3261 section 18.3; keep-alives RFC 5626 section 4.4.1). No sockets here.

use super::check::{self, Refusal, TOO_LONG, bad};
use super::head::{self, Head};
use model::limits;

/// What comes next on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) enum Frame {
    /// Two line ends: they are owed one.
    Ping,
    Message(Vec<u8>),
}

/// After it nobody knows where the next message begins: the connection has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) struct Lost {
    pub(super) head: Head,
    pub(super) refusal: Refusal,
}

/// Bytes of a stream that are no message yet; never more than the longest message and one read.
#[derive(Default)]
pub(in crate::telephony::sip) struct Framer {
    bytes: Vec<u8>,
    /// Up to here there is no end of the head.
    searched: usize,
    /// Head and body of the message that has begun, when its head is known.
    wanted: Option<usize>,
}

impl Framer {
    pub(in crate::telephony::sip) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A message has begun and not ended.
    pub(in crate::telephony::sip) fn is_amid(&self) -> bool {
        !self.bytes.is_empty()
    }

    #[cfg(any(fuzzing, test))]
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// # Errors
    /// The stream cannot be read any further.
    pub(in crate::telephony::sip) fn next(&mut self) -> Result<Option<Frame>, Box<Lost>> {
        if self.wanted.is_none() {
            if self.bytes.starts_with(b"\r\n\r\n") {
                self.take(4);
                return Ok(Some(Frame::Ping));
            }
            while self.bytes.starts_with(b"\r\n") {
                // Alone it answers a ping, or ends the message before it; the second of a pair may still come.
                if self.bytes.len() < 4 && b"\r\n\r\n".starts_with(&self.bytes[..]) {
                    return Ok(None);
                }
                self.take(2);
            }
            self.wanted = self.message_bytes()?;
        }
        match self.wanted {
            Some(wanted) if self.bytes.len() >= wanted => Ok(Some(Frame::Message(self.take(wanted)))),
            _ => Ok(None),
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count);
        (self.searched, self.wanted) = (0, None);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// Length of the message that has begun, when its head is there.
    fn message_bytes(&mut self) -> Result<Option<usize>, Box<Lost>> {
        let from = self.searched.saturating_sub(3);
        let Some(end) = head::end_of_head(&self.bytes[from..]).map(|end| from + end) else {
            self.searched = self.bytes.len();
            if self.bytes.len() > limits::SIP_HEADER_BYTES {
                return Err(self.lost(TOO_LONG));
            }
            return Ok(None);
        };
        if end > limits::SIP_HEADER_BYTES {
            return Err(self.lost(TOO_LONG));
        }
        let head = Head::read(&self.bytes[..end]);
        match check::content_length(&head) {
            Ok(Some(body)) if body <= limits::SIP_BODY_BYTES => Ok(Some(end + body)),
            Ok(Some(_)) => Err(self.lost(TOO_LONG)),
            // RFC 3261 section 20.14: on a stream it has to be there.
            Ok(None) => Err(self.lost(bad("no Content-Length on a stream"))),
            Err(refusal) => Err(self.lost(refusal)),
        }
    }

    fn lost(&self, refusal: Refusal) -> Box<Lost> {
        Box::new(Lost { head: Head::read(&self.bytes), refusal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
    const SECOND: &str = "BYE sip:a SIP/2.0\r\nContent-Length:0\r\n\r\n";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next().unwrap()).collect()
    }

    fn message(text: &str) -> Frame {
        Frame::Message(text.as_bytes().to_vec())
    }

    #[test]
    fn messages_and_pings_come_out_however_they_are_cut() {
        let stream = format!("\r\n{FIRST}\r\n\r\n{SECOND}{FIRST}\r\n");
        let expected = vec![message(FIRST), Frame::Ping, message(SECOND), message(FIRST)];
        for piece in 1..=stream.len() {
            let mut framer = Framer::default();
            let mut seen = Vec::new();
            for bytes in stream.as_bytes().chunks(piece) {
                framer.push(bytes);
                seen.extend(frames(&mut framer));
            }
            assert_eq!(seen, expected, "in pieces of {piece}");
        }
    }

    fn lost(text: &str) -> u16 {
        let mut framer = Framer::default();
        framer.push(text.as_bytes());
        framer.next().unwrap_err().refusal.status
    }

    #[test]
    fn a_stream_without_a_length_is_lost() {
        assert_eq!(lost("OPTIONS sip:a SIP/2.0\r\nTo: x\r\n\r\n"), 400);
        assert_eq!(lost("OPTIONS sip:a SIP/2.0\r\nl: -999\r\n\r\n"), 400);
        assert_eq!(lost("OPTIONS sip:a SIP/2.0\r\nl: 13\r\nl: 5\r\n\r\n"), 400);
        assert_eq!(lost("OPTIONS sip:a SIP/2.0\r\nl: 10000000\r\n\r\n"), 513);
        assert_eq!(lost("OPTIONS sip:a SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n"), 400);
    }

    #[test]
    fn a_head_without_end_is_given_up_at_its_limit() {
        let mut framer = Framer::default();
        framer.push(b"OPTIONS sip:a SIP/2.0\r\n");
        let mut pushed = 0;
        while framer.next() == Ok(None) {
            framer.push(b"X: y\r\n");
            pushed += 6;
            assert!(pushed <= limits::SIP_HEADER_BYTES);
        }
        assert_eq!(framer.next().unwrap_err().refusal.status, 513);
    }
}
