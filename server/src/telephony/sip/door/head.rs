//! A SIP message's start line and headers, as the door reads them: before, and more strictly than, the stack.

use model::limits;
use std::ops::Range;

/// What is wrong with a head; what could be read of it is there all the same, for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) enum Fault {
    /// More bytes or headers than are taken.
    TooLong,
    /// No empty line ends it.
    Unended,
    /// A line that is no header.
    Line,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) struct Head {
    pub(super) start: String,
    headers: Vec<(String, String)>,
    /// Where the body begins; the end of the message where no empty line is.
    pub(super) body_at: usize,
    pub(super) fault: Option<Fault>,
    /// Nothing in it is written in a way that the stack cannot read.
    plain: bool,
}

/// Where an empty line ends the head, behind it.
pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

impl Head {
    /// Reads the head of a message that begins with its start line.
    pub(super) fn read(message: &[u8]) -> Head {
        let end = end_of_head(message);
        let body_at = end.unwrap_or(message.len());
        let mut fault = if end.is_none() { Some(Fault::Unended) } else { None };
        let mut section = &message[..body_at];
        if section.len() > limits::SIP_HEADER_BYTES {
            fault = Some(Fault::TooLong);
            section = &section[..limits::SIP_HEADER_BYTES];
        }
        let text = String::from_utf8_lossy(section);
        // What is no UTF-8 becomes U+FFFD: no header that we read needs more than UTF-8 (RFC 3261 section 25.1).
        let mut plain = matches!(text, std::borrow::Cow::Borrowed(_));
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if headers.len() >= limits::SIP_HEADERS {
                fault = fault.or(Some(Fault::TooLong));
                break;
            }
            match (folded(line), headers.last_mut()) {
                // RFC 3261 section 7.3.1: a line that begins with white space goes on with the one before it.
                (Some(rest), Some((_, value))) => {
                    value.push(' ');
                    value.push_str(rest);
                    plain = false;
                }
                (None, _) => match header(line) {
                    Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                    None => fault = fault.or(Some(Fault::Line)),
                },
                (Some(_), None) => fault = fault.or(Some(Fault::Line)),
            }
        }
        Head { start, headers, body_at, fault, plain }
    }

    /// The values of a header, by its long and its compact name.
    pub(super) fn all<'a>(&'a self, long: &'a str, compact: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(name, _)| is_named(name, long, compact))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn first(&self, long: &str, compact: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| is_named(name, long, compact)).map(|(_, value)| value.as_str())
    }

    /// Gives the first header of that name another way of writing.
    pub(super) fn rewrite(&mut self, long: &str, compact: &str, value: String) {
        let found = self.headers.iter_mut().find(|(name, _)| is_named(name, long, compact));
        if let Some((_, old)) = found.filter(|(_, old)| *old != value) {
            *old = value;
            self.plain = false;
        }
    }

    /// The message with that part of its bytes as body, in a way that the stack can read: headers on one line each, UTF-8,
    /// and the body's length told.
    pub(super) fn message(&self, message: &[u8], body: Range<usize>) -> Vec<u8> {
        if self.plain && self.first("Content-Length", "l").is_some() {
            return message[..body.end].to_vec();
        }
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_named(name, "Content-Length", "l")) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&message[body]);
        bytes
    }
}

fn is_named(name: &str, long: &str, compact: &str) -> bool {
    name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(compact)
}

fn folded(line: &str) -> Option<&str> {
    line.starts_with([' ', '\t']).then(|| line.trim())
}

/// Name and value. A line end inside would be read as another line by others: it makes the line no header.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end_matches([' ', '\t']);
    (is_token(name) && !value.contains(['\r', '\n'])).then(|| (name, value.trim()))
}

/// RFC 3261 section 25.1.
pub(super) fn is_token(text: &str) -> bool {
    let odd = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    !text.is_empty() && text.bytes().all(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_compact_and_spaced_headers_are_read() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nv : one\r\n\t two\r\nS:\r\nto: <sip:a>\r\n\r\nbody";
        let head = Head::read(message);
        assert_eq!(head.fault, None);
        assert_eq!(head.first("Via", "v"), Some("one two"));
        assert_eq!(head.first("Subject", "s"), Some(""));
        assert_eq!(&message[head.body_at..], b"body");
        let rewritten = head.message(message, head.body_at..message.len());
        let text = String::from_utf8(rewritten).unwrap();
        assert_eq!(
            text,
            "OPTIONS sip:a SIP/2.0\r\nv: one two\r\nS: \r\nto: <sip:a>\r\nContent-Length: 4\r\n\r\nbody"
        );
    }

    #[test]
    fn what_the_stack_can_read_is_left_as_it_is() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nvia:one\r\nl:2\r\n\r\nbody";
        let head = Head::read(message);
        assert_eq!(head.message(message, head.body_at..head.body_at + 2), &message[..message.len() - 2]);
    }

    #[test]
    fn faults_are_named_and_the_rest_is_read() {
        let fault = |text: &str| Head::read(text.as_bytes()).fault;
        assert_eq!(fault("A b SIP/2.0\r\nVia: x\r\n"), Some(Fault::Unended));
        assert_eq!(fault("A b SIP/2.0\r\n folded: x\r\n\r\n"), Some(Fault::Line));
        assert_eq!(fault("A b SIP/2.0\r\nno colon\r\n\r\n"), Some(Fault::Line));
        assert_eq!(fault("A b SIP/2.0\r\nTo: a\nVia: b\r\n\r\n"), Some(Fault::Line));
        let long =
            format!("A b SIP/2.0\r\nTo: x\r\nSubject: {}\r\n\r\n", "s".repeat(limits::SIP_HEADER_BYTES));
        let head = Head::read(long.as_bytes());
        assert_eq!((head.fault, head.first("To", "t")), (Some(Fault::TooLong), Some("x")));
        let many = format!("A b SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(limits::SIP_HEADERS + 1));
        assert_eq!(fault(&many), Some(Fault::TooLong));
    }
}
