//! The session description in a request's body (RFC 3261 section 8.2.3, RFC 5621).

use crate::telephony::sip::response::{Answer, accept};
use model::limits::{BODY_PART_HEADERS, BODY_PARTS};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode};

/// Multipart bodies inside of multipart bodies.
const DEPTH: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is of a type that is not served")]
    Type,
    #[error("the body is packed")]
    Encoding,
}

impl From<&BodyError> for Answer {
    fn from(error: &BodyError) -> Answer {
        let answer = Answer::new(StatusCode::UnsupportedMediaType);
        match error {
            BodyError::Type => answer.with(accept()),
            BodyError::Encoding => answer.with(Header::AcceptEncoding("identity".into())),
        }
    }
}

/// The description that a request carries; `None` if it carries none. A body without a type is taken for one.
pub(super) fn description(request: &Request) -> Result<Option<&[u8]>, BodyError> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let part = Part {
        content_type: request.header_value("Content-Type"),
        disposition: request.header_value("Content-Disposition"),
        encoding: request.header_value("Content-Encoding"),
        transfer: None,
        content: &request.body,
    };
    part.description(DEPTH)
}

/// A body or a part of one.
#[derive(Default)]
struct Part<'a> {
    content_type: Option<String>,
    disposition: Option<String>,
    encoding: Option<String>,
    /// RFC 5621 section 3.3: SIP carries eight bits as they are.
    transfer: Option<String>,
    content: &'a [u8],
}

impl<'a> Part<'a> {
    fn description(&self, depth: u8) -> Result<Option<&'a [u8]>, BodyError> {
        let packed = |name: &Option<String>, plain: &[&str]| {
            name.as_ref().is_some_and(|name| !plain.contains(&name.to_ascii_lowercase().as_str()))
        };
        let content_type = self.content_type.as_deref().unwrap_or("application/sdp");
        let (name, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let name = name.trim().to_ascii_lowercase();
        if packed(&self.encoding, &["identity", ""]) || packed(&self.transfer, &["binary", "8bit", "7bit"]) {
            return if self.is_optional() { Ok(None) } else { Err(BodyError::Encoding) };
        }
        match name.as_str() {
            "application/sdp" => Ok(Some(self.content)),
            "multipart/mixed" | "multipart/alternative" | "multipart/related" if depth > 0 => {
                let boundary = boundary(parameters).ok_or(BodyError::Type)?;
                among(self.content, &boundary, depth - 1)
            }
            _ if self.is_optional() => Ok(None),
            _ => Err(BodyError::Type),
        }
    }

    fn says(&self, words: &str) -> bool {
        let disposition = self.disposition.as_deref().unwrap_or_default();
        disposition
            .split(';')
            .any(|said| said.split_whitespace().collect::<String>().eq_ignore_ascii_case(words))
    }

    /// RFC 3261 section 20.11: it may be left unread.
    fn is_optional(&self) -> bool {
        self.says("handling=optional")
    }

    /// For the session, not for a picture of the caller or for early media.
    fn is_for_the_session(&self) -> bool {
        self.disposition.is_none() || self.says("session")
    }
}

/// The description among the parts. What else there is may be left unread unless it says that it must not: beside the
/// description, carriers send signalling of theirs that we have no use for.
fn among<'a>(content: &'a [u8], boundary: &str, depth: u8) -> Result<Option<&'a [u8]>, BodyError> {
    let (mut found, mut unread) = (None, None);
    for part in parts(content, boundary) {
        match part.description(depth) {
            Ok(Some(description)) if found.is_none() && part.is_for_the_session() => {
                found = Some(description)
            }
            Ok(_) => {}
            Err(error) if part.says("handling=required") => return Err(error),
            Err(error) => unread = Some(error),
        }
    }
    match (found, unread) {
        (Some(found), _) => Ok(Some(found)),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(None),
    }
}

fn boundary(parameters: &str) -> Option<String> {
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let value = value.trim_matches('"');
    // RFC 2046 section 5.1.1.
    (1..=70).contains(&value.len()).then(|| value.to_owned())
}

/// RFC 2046 section 5.1: what stands between the delimiter lines.
fn parts<'a>(content: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begun = None;
    let mut at = 0;
    while at < content.len() && parts.len() < BODY_PARTS {
        let end = content[at..].iter().position(|b| *b == b'\n').map_or(content.len(), |lf| at + lf + 1);
        if let Some(rest) = content[at..end].strip_prefix(delimiter.as_bytes()) {
            let rest = rest.trim_ascii();
            if rest.is_empty() || rest == b"--" {
                if let Some(start) = begun {
                    parts.extend(part(without_line_end(&content[start..at])));
                }
                begun = rest.is_empty().then_some(end);
                if begun.is_none() {
                    break;
                }
            }
        }
        at = end;
    }
    parts
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Headers, an empty line, content. `None` where that cannot be told apart.
fn part(bytes: &[u8]) -> Option<Part<'_>> {
    // RFC 2046 section 5.1.1: without any header the part is plain text.
    let mut part = Part { content_type: Some("text/plain".into()), ..Part::default() };
    let mut rest = bytes;
    let mut headers: Vec<(String, String)> = Vec::new();
    loop {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        let line = std::str::from_utf8(line).ok()?.trim_end();
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
        } else if headers.len() < BODY_PART_HEADERS {
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        } else {
            return None;
        }
    }
    part.content = rest;
    for (name, value) in headers {
        match name.as_str() {
            "content-type" | "c" => part.content_type = Some(value),
            "content-disposition" => part.disposition = Some(value),
            "content-encoding" | "e" => part.encoding = Some(value),
            "content-transfer-encoding" => part.transfer = Some(value),
            _ => {}
        }
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn read(headers: &str, body: &str) -> Result<Option<String>, BodyError> {
        let text = format!(
            "INVITE sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(SipMessage::Request(request)) = SipMessage::try_from(text.as_bytes()) else {
            panic!("no request: {text}")
        };
        description(&request).map(|found| found.map(|sdp| String::from_utf8(sdp.to_vec()).unwrap()))
    }

    fn mixed(body: &str) -> Result<Option<String>, BodyError> {
        read("Content-Type: multipart/mixed;boundary=\"b 1\"\r\n", body)
    }

    #[test]
    fn a_plain_description_is_taken_with_or_without_its_type() {
        assert_eq!(read("Content-Type: application/sdp\r\n", "v=0\r\n"), Ok(Some("v=0\r\n".into())));
        assert_eq!(read("c: Application/SDP ; charset=utf-8\r\n", "v=0\r\n"), Ok(Some("v=0\r\n".into())));
        assert_eq!(read("", "v=0\r\n"), Ok(Some("v=0\r\n".into())));
        assert_eq!(read("", ""), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_refused_unless_it_may_be_left() {
        assert_eq!(read("Content-Type: application/isup\r\n", "x"), Err(BodyError::Type));
        let optional =
            "Content-Type: application/isup\r\nContent-Disposition: signal ; handling = optional\r\n";
        assert_eq!(read(optional, "x"), Ok(None));
        assert_eq!(
            read("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "x"),
            Err(BodyError::Encoding)
        );
        let plain = read("Content-Type: application/sdp\r\nContent-Encoding: identity\r\n", "v=0\r\n");
        assert_eq!(plain, Ok(Some("v=0\r\n".into())));
    }

    #[test]
    fn the_description_is_found_among_other_parts() {
        let body = "preamble\r\n--b 1\r\nContent-Type: application/isup;\r\n version=itu-t92+\r\n\
            Content-Disposition: signal;handling=optional\r\n\r\n\u{1}\u{2}\r\n--b 1\r\nContent-Type: application/sdp\r\n\r\n\
            v=0\r\ns=-\r\n\r\n--b 1--\r\nv=1\r\n";
        assert_eq!(mixed(body), Ok(Some("v=0\r\ns=-\r\n".into())));
    }

    #[test]
    fn it_is_found_in_a_part_that_has_parts() {
        let body = "--b 1\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\nhello\r\n--in\r\n\
            c: application/sdp\r\n\r\nv=0\r\n--in--\r\n--b 1--\r\n";
        assert_eq!(mixed(body), Ok(Some("v=0".into())));
    }

    #[test]
    fn a_part_that_must_be_read_and_cannot_refuses_the_whole() {
        let with = |disposition: &str| {
            mixed(&format!(
                "--b 1\r\nContent-Type: application/x\r\n{disposition}\r\nx\r\n--b 1\r\nContent-Type: application/sdp\r\n\r\n\
                 v=0\r\n--b 1--\r\n"
            ))
        };
        assert_eq!(with("Content-Disposition: signal;handling=required\r\n"), Err(BodyError::Type));
        assert_eq!(with(""), Ok(Some("v=0".into())));
    }

    #[test]
    fn without_a_description_or_a_boundary_there_is_nothing_to_take() {
        assert_eq!(mixed("--b 1\r\n\r\nhello\r\n--b 1--\r\n"), Err(BodyError::Type));
        assert_eq!(mixed("hello"), Ok(None));
        assert_eq!(read("Content-Type: multipart/mixed\r\n", "--b\r\n"), Err(BodyError::Type));
        let early = "--b 1\r\nContent-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nv=0\r\n--b 1--\r\n";
        assert_eq!(mixed(early), Ok(None));
    }

    #[test]
    fn a_description_packed_for_mail_is_not_read() {
        let body = "--b 1\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b 1--\r\n";
        assert_eq!(mixed(body), Err(BodyError::Encoding));
    }
}
