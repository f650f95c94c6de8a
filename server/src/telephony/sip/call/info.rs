//! INFO: keys, as phones without telephone-events send them.

use crate::telephony::sip::response::Answer;
use engine::Key;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode};

/// What an INFO says.
pub(super) enum Info {
    /// Nothing: the phone wants to know whether we are there. Or a key that telephones do not have.
    Nothing,
    Key(Key),
    Unserved(Answer),
}

impl Info {
    pub(super) fn read(request: &Request) -> Info {
        if request.header_value("Info-Package").is_some() {
            // RFC 6086 section 4.2.2: there is no package that we know.
            let none = Header::Other("Recv-Info".into(), String::new());
            return Info::Unserved(Answer::new(StatusCode::BadInfoPackage).with(none));
        }
        if request.body.is_empty() {
            return Info::Nothing;
        }
        let content_type = request.header_value("Content-Type").unwrap_or_default().to_ascii_lowercase();
        let text = std::str::from_utf8(&request.body).unwrap_or_default();
        let signal = match content_type.split(';').next().unwrap_or_default().trim() {
            "application/dtmf" => Some(text.trim()),
            "application/dtmf-relay" => text.lines().find_map(signal),
            _ => {
                let accept = Header::Accept("application/dtmf-relay, application/dtmf".into());
                return Info::Unserved(Answer::new(StatusCode::UnsupportedMediaType).with(accept));
            }
        };
        signal.and_then(key).map_or(Info::Nothing, Info::Key)
    }
}

/// The key in a line `Signal=5`.
fn signal(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
}

/// Some write the number of RFC 4733's event instead of the sign.
fn key(text: &str) -> Option<Key> {
    match text {
        "*" | "10" => Some(Key::Star),
        "#" | "11" => Some(Key::Pound),
        _ => match text.as_bytes() {
            [digit @ b'0'..=b'9'] => Some(Key::Digit(digit - b'0')),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn read(headers: &str, body: &str) -> Info {
        let text = format!(
            "INFO sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match SipMessage::try_from(text.as_bytes()).unwrap() {
            SipMessage::Request(request) => Info::read(&request),
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    fn pressed(content_type: &str, body: &str) -> Option<Key> {
        match read(&format!("Content-Type: {content_type}\r\n"), body) {
            Info::Key(key) => Some(key),
            Info::Nothing => None,
            Info::Unserved(answer) => panic!("{}", answer.status),
        }
    }

    fn refused(headers: &str, body: &str) -> u16 {
        match read(headers, body) {
            Info::Unserved(answer) => answer.status.code(),
            Info::Nothing | Info::Key(_) => 0,
        }
    }

    #[test]
    fn keys_are_read_in_both_forms() {
        assert_eq!(pressed("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), Some(Key::Digit(5)));
        assert_eq!(pressed("Application/DTMF-Relay; x=1", "Duration = 160\nsignal = #"), Some(Key::Pound));
        assert_eq!(pressed("application/dtmf", "*"), Some(Key::Star));
        assert_eq!(pressed("application/dtmf", " 10 \r\n"), Some(Key::Star));
        assert_eq!(pressed("application/dtmf-relay", "Signal=A\r\n"), None);
        assert_eq!(pressed("application/dtmf-relay", "nothing"), None);
    }

    #[test]
    fn what_is_not_served_is_refused() {
        assert_eq!(refused("Content-Type: application/x\r\n", "x"), 415);
        assert_eq!(refused("Info-Package: dtmf\r\n", ""), 469);
        assert_eq!(refused("", ""), 0);
    }
}
