//! By whose telephones a call came: Diversion (RFC 5806) and History-Info (RFC 7044), for the call's record.

use super::dialled;
use model::limits::{CALLER_CHARS, DIVERSIONS};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::typed::{Diversion, HistoryInfo};
use rsipstack::sip::{Request, Uri};
use std::fmt;

/// The telephones that a call was sent on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diversions(Vec<Hop>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hop {
    /// As it was written; empty if withheld.
    number: String,
    /// `user-busy`, `no-answer`, … or the status that sent the call on.
    why: Option<String>,
}

impl Diversions {
    /// Reads what the INVITE says; an entry that cannot be read is left out. Diversion's first entry is the last telephone,
    /// History-Info's first one the first.
    pub(super) fn read(invite: &Request) -> Diversions {
        let diversions = invite.diversion_headers().into_iter();
        let diversions = diversions.filter_map(|header| Diversion::parse(header.value()).ok());
        let diverted = diversions.flat_map(|header| header.entries).map(|entry| {
            let withheld = entry.privacy.is_some_and(|privacy| !privacy.eq_ignore_ascii_case("off"));
            let number = if withheld { String::new() } else { dialled::number(&entry.uri) };
            Hop::new(&number, entry.reason.map(|reason| reason.to_string()))
        });
        let histories = invite.history_info_headers().into_iter();
        let histories = histories.filter_map(|header| HistoryInfo::parse(header.value()).ok());
        let history = histories.flat_map(|header| header.entries).map(|entry| {
            let number = if is_private(&entry.uri) { String::new() } else { dialled::number(&entry.uri) };
            Hop::new(&number, cause(&entry.uri))
        });
        Diversions(diverted.chain(history).take(DIVERSIONS).collect())
    }
}

impl fmt::Display for Diversions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hop) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let number = if hop.number.is_empty() { "withheld" } else { &hop.number };
            write!(f, "{comma}{number}")?;
            if let Some(why) = &hop.why {
                write!(f, " ({why})")?;
            }
        }
        Ok(())
    }
}

impl Hop {
    fn new(number: &str, why: Option<String>) -> Hop {
        let clean =
            |text: &str| text.chars().filter(|c| !c.is_control()).take(CALLER_CHARS).collect::<String>();
        Hop { number: clean(number), why: why.as_deref().map(clean) }
    }
}

fn header<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let found = uri.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// RFC 7044 section 10.1.2.
fn is_private(uri: &Uri) -> bool {
    header(uri, "Privacy").is_some_and(|privacy| privacy.to_ascii_lowercase().contains("history"))
}

/// The cause in the URI's own Reason header, as `SIP%3Bcause%3D486` (RFC 7044 section 5.1).
fn cause(uri: &Uri) -> Option<String> {
    let reason = header(uri, "Reason")?.to_ascii_lowercase();
    let digits: String = reason.split("cause%3d").nth(1)?.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn read(headers: &str) -> String {
        let text = format!(
            "INVITE sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{headers}\r\n"
        );
        let Ok(SipMessage::Request(request)) = SipMessage::try_from(text.as_bytes()) else {
            panic!("no request: {text}")
        };
        Diversions::read(&request).to_string()
    }

    #[test]
    fn both_headers_are_read() {
        assert_eq!(read(""), "");
        assert_eq!(
            read(
                "Diversion: <sip:+331@a.example>;reason=user-busy;counter=1, <tel:+332>;reason=unconditional\r\n\
                 Diversion: \"x\" <sip:+333@a.example>;privacy=full\r\n"
            ),
            "+331 (user-busy), +332 (unconditional), withheld"
        );
        assert_eq!(
            read(
                "History-Info: <sip:+331@a.example?Reason=SIP%3Bcause%3D486>;index=1, <sip:+332@a.example>;index=1.1\r\n\
                 History-Info: <sip:+333@a.example?Privacy=history>;index=1.2\r\n"
            ),
            "+331 (486), +332, withheld"
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_there_is_an_end() {
        assert_eq!(read("Diversion: <sip:\r\nDiversion: <sip:+331@a.example>\r\n"), "+331");
        let many = "Diversion: <sip:1@a>\r\n".repeat(100);
        assert_eq!(read(&many).split(", ").count(), DIVERSIONS);
    }
}
