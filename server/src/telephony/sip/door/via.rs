//! The Via header, in the many ways in which it may be written (RFC 3261 section 20.42).

use super::head::is_token;

/// The value with its topmost Via in the plainest writing, `SIP/2.0/UDP host:port;name=value`; the rest of the line as it
/// was. `None`: it is no Via, or one whose branch is the cookie and nothing else, which cannot tell transactions apart.
pub(super) fn plain(line: &str) -> Option<String> {
    let (top, rest) = match end_of_value(line)? {
        end if end == line.len() => (line, None),
        end => (&line[..end], Some(line[end + 1..].trim())),
    };
    let (protocol, behind) = top.split_once('/')?;
    let (version, behind) = behind.split_once('/')?;
    let behind = behind.trim();
    let (transport, behind) = behind.split_once([' ', '\t'])?;
    if !protocol.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" || !is_token(transport) {
        return None;
    }
    let mut parts = behind.split(';');
    let sent_by = parts.next()?;
    let (host, port) = host_and_port(sent_by.trim())?;
    let mut text = format!("SIP/2.0/{transport} {host}");
    if let Some(port) = port {
        text.push_str(&format!(":{port}"));
    }
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part.trim(), None),
        };
        if !is_token(name) || name.eq_ignore_ascii_case("branch") && !is_branch(value) {
            return None;
        }
        text.push_str(&format!(";{name}"));
        if let Some(value) = value {
            text.push_str(&format!("={value}"));
        }
    }
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        text.push_str(&format!(", {rest}"));
    }
    Some(text)
}

fn is_branch(value: Option<&str>) -> bool {
    let is_word = |branch: &str| !branch.is_empty() && !branch.contains(char::is_whitespace);
    value.is_some_and(|branch| is_word(branch) && !branch.eq_ignore_ascii_case("z9hG4bK"))
}

/// Where the topmost value ends: at a comma outside of quotes. `None`: a quote is never closed.
fn end_of_value(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(line.len())
}

fn host_and_port(sent_by: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match sent_by.strip_prefix('[') {
        Some(v6) => {
            let end = v6.find(']')?;
            v6[..end].parse::<std::net::Ipv6Addr>().ok()?;
            (&sent_by[..end + 2], v6[end + 1..].trim())
        }
        None => sent_by.split_at(sent_by.find(':').unwrap_or(sent_by.len())),
    };
    let host = host.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if host.is_empty() || !host.starts_with('[') && !host.chars().all(is_name) {
        return None;
    }
    match port.trim().strip_prefix(':') {
        None if port.trim().is_empty() => Some((host, None)),
        None => None,
        Some(port) => Some((host, Some(port.trim().parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ones_stay_and_spaced_ones_are_straightened() {
        for via in [
            "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport",
            "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx",
        ] {
            assert_eq!(plain(via).as_deref(), Some(via));
        }
        assert_eq!(
            plain("SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8  , SIP  /  2.0 / UDP  a").as_deref(),
            Some("SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8, SIP  /  2.0 / UDP  a")
        );
        assert_eq!(plain("SIP/2.0/UDP a : 5060").as_deref(), Some("SIP/2.0/UDP a:5060"));
    }

    #[test]
    fn what_is_none_is_none() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ;branch=z9hG4bK1",
            "SIP/2.0/UDP a;;,;,,",
            "SIP/2.0/UDP a;branch=z9hG4bK",
            "SIP/2.0/UDP a:99999;branch=z9hG4bK1",
            "HTTP/1.1/PIGEON somewhere",
            "SIP/7.0/UDP a",
            "SIP/2.0/UDP [::1::2]",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP a;x=\"",
        ] {
            assert_eq!(plain(bad), None, "{bad}");
        }
    }
}
