//! The number in a URI: `sip:`, `sips:` or `tel:`, with its context.

use rsipstack::sip::{Scheme, Uri};

/// The digits of a URI, as far as they are digits, without what the number's own parameters say; of a `tel:` or a user part
/// with `phone-context=+33` the whole international number (RFC 3966 section 5.1.5). Empty if the URI names nobody.
pub(in crate::telephony::sip) fn number(uri: &Uri) -> String {
    let text = uri.to_string();
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    let user = match &uri.scheme {
        Some(Scheme::Sip | Scheme::Sips) => uri.user().unwrap_or_else(|| user_part(rest)),
        Some(Scheme::Other(scheme)) if scheme.eq_ignore_ascii_case("tel") => rest,
        Some(Scheme::Other(_)) | None => "",
    };
    let user = unescape(user);
    let mut parts = user.split(';');
    let local = parts.next().unwrap_or_default();
    let context = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("phone-context").then(|| value.trim())
    });
    match context {
        // A context in digits stands before the number; one that is a host name says only who understands it.
        Some(prefix) if prefix.starts_with('+') && !local.starts_with('+') => format!("{prefix}{local}"),
        _ => local.to_owned(),
    }
}

/// What stands before the host, without a password: the stack takes a semicolon in it for the URI's own (RFC 3261 section
/// 25.1: user-unreserved), and then finds no user part.
fn user_part(rest: &str) -> &str {
    let user = rest.split_once('@').map_or("", |(user, _)| user);
    user.split(':').next().unwrap_or_default()
}

/// %HH becomes its character, once (RFC 3261 section 19.1.2); what is no text then stays as it was.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_every_form() {
        for (uri, found) in [
            ("sip:3000@127.0.0.1", "3000"),
            ("sip:+33123456789@a.example:5061;user=phone", "+33123456789"),
            ("sips:%2B33123@a.example", "+33123"),
            ("sip:0123;phone-context=+33@a.example;user=phone", "+330123"),
            ("sip:3000;npdi;rn=+331@a.example", "3000"),
            ("sip:3000:secret@a.example", "3000"),
            ("tel:+33-1-23-45-67-89", "+33-1-23-45-67-89"),
            ("tel:3000", "3000"),
            ("tel:3000;phone-context=a.example", "3000"),
            ("TEL:1234;phone-context=+3312;isub=5", "+33121234"),
            ("sip:a.example", ""),
            ("sip:%25%34%31@a.example", "%41"),
            ("sip:%ff@a.example", "%FF"),
        ] {
            assert_eq!(
                number(&Uri::try_from(uri).unwrap()).to_ascii_uppercase(),
                found.to_ascii_uppercase(),
                "{uri}"
            );
        }
    }
}
