//! The door in front of rsipstack: the UDP socket that it reads from, which answers what the stack would drop in
//! silence, and holds back what it cannot take.

use super::response;
use async_trait::async_trait;
use model::limits::SIP_BYTES;
use rsipstack::platform::net::UdpSocket as PlatformSocket;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// The most headers that are looked at for an answer of ours.
const HEADERS: usize = 100;

pub(super) struct Door {
    socket: UdpSocket,
}

impl Door {
    pub(super) fn new(socket: UdpSocket) -> Door {
        Door { socket }
    }
}

#[async_trait]
impl PlatformSocket for Door {
    /// The next datagram for the stack.
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            let (bytes, from) = self.socket.recv_from(buffer).await?;
            // A datagram that fills the buffer was cut, and its end is lost.
            if bytes > SIP_BYTES || bytes == buffer.len() {
                continue;
            }
            match answer(&buffer[..bytes]) {
                // As for any response, an unreachable phone is the phone's affair.
                Some(answer) => drop(self.socket.send_to(answer.as_bytes(), from).await),
                None => return Ok((bytes, from)),
            }
        }
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.socket.send_to(bytes, to).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}

/// Our answer to a request whose method the stack does not know: 501 with Allow (RFC 3261 section 21.5.2), made
/// without any state (section 8.2.7), so it goes back to where the request came from (RFC 3581). `None`: the stack
/// takes the message as it is.
pub(super) fn answer(message: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(message).ok()?;
    let mut lines = text.split("\r\n");
    let (method, _) = lines.next()?.strip_suffix(" SIP/2.0")?.split_once(' ')?;
    if !is_token(method) || method.parse::<rsipstack::sip::Method>().is_ok() {
        return None;
    }
    let headers: Vec<(&str, &str)> = lines.take(HEADERS).map_while(header).collect();
    let named = |long: &str, short: &str| {
        let is_it = |name: &str| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short);
        headers.iter().filter(move |(name, _)| is_it(name)).map(|(_, value)| *value).collect::<Vec<_>>()
    };
    // What an answer must copy (RFC 3261 section 8.2.6.2); a request without it cannot be answered.
    let vias = named("Via", "v");
    let [from, to, call_id, cseq] = [("From", "f"), ("To", "t"), ("Call-ID", "i"), ("CSeq", "CSeq")]
        .map(|(long, short)| named(long, short));
    let (&[from], &[to], &[call_id], &[cseq]) = (&from[..], &to[..], &call_id[..], &cseq[..]) else {
        return None;
    };
    if vias.is_empty() {
        return None;
    }
    let vias: String = vias.iter().map(|via| format!("Via: {via}\r\n")).collect();
    // Without state the tag has to be the same for each retransmission.
    let tag = if to.contains(";tag=") { "" } else { ";tag=none" };
    let allow = response::allow();
    Some(format!(
        "SIP/2.0 501 Not Implemented\r\n{vias}From: {from}\r\nTo: {to}{tag}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq}\r\n{allow}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// A line of the header section as name and value; `None` at its end, and at a folded line, which is not worth an
/// answer of ours.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    is_token(name.trim_end()).then(|| (name.trim_end(), value.trim()))
}

/// RFC 3261 section 25.1.
fn is_token(text: &str) -> bool {
    let odd = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    !text.is_empty() && text.bytes().all(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> String {
        format!(
            "{method} sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n\
             v: SIP/2.0/UDP 192.0.2.1\r\nf: <sip:a@b>;tag=1\r\nTo: <sip:3000@127.0.0.1>\r\nCall-ID: 7\r\n\
             CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        )
    }

    #[test]
    fn an_unknown_method_is_told_what_is_served() {
        let answer = answer(request("JUMP").as_bytes()).unwrap();
        assert!(
            answer.starts_with("SIP/2.0 501 Not Implemented\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;"),
            "{answer}"
        );
        assert!(answer.contains("Via: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:a@b>;tag=1\r\n"), "{answer}");
        assert!(
            answer.contains("To: <sip:3000@127.0.0.1>;tag=none\r\nCall-ID: 7\r\nCSeq: 1 JUMP\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK, INFO\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn what_the_stack_knows_passes() {
        for method in ["INVITE", "ACK", "REGISTER", "MESSAGE"] {
            assert_eq!(answer(request(method).as_bytes()), None, "{method}");
        }
        assert_eq!(answer(b"SIP/2.0 200 OK\r\n\r\n"), None);
        assert_eq!(answer(b"\r\n\r\n"), None);
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        assert_eq!(answer(b"JUMP sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n"), None);
        let twice = request("JUMP").replace("Call-ID: 7", "Call-ID: 7\r\nCall-ID: 8");
        assert_eq!(answer(twice.as_bytes()), None);
        assert_eq!(answer(b"JU MP\xff"), None);
    }
}
