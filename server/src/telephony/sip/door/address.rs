//! From, To and Contact: a URI alone, or a name and a URI in brackets, and parameters (RFC 3261 section 20.10).

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// In the plainest writing, `name <uri>;name=value`.
    pub(super) plain: String,
    pub(super) tag: Option<String>,
}

/// `None`: it is no address, or more than one.
pub(super) fn read(value: &str) -> Option<Address> {
    let (target, params) = target(value.trim())?;
    let (mut plain, mut tag) = (target, None);
    for param in split(params, ';')?.into_iter().skip(1) {
        let (name, value) = match param.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (param.trim(), None),
        };
        if name.eq_ignore_ascii_case("tag") {
            let is_word =
                |tag: &&str| !tag.is_empty() && !tag.contains(|c: char| c.is_whitespace() || c == '"');
            let twice = tag.replace(value.filter(is_word)?.to_owned()).is_some();
            if twice {
                return None;
            }
        }
        if !name.is_empty() {
            plain.push_str(&format!(";{name}"));
        }
        if let Some(value) = value {
            plain.push_str(&format!("={value}"));
        }
    }
    Some(Address { plain, tag })
}

/// Name and URI, and what is behind them: nothing, or parameters from their semicolon on.
fn target(value: &str) -> Option<(String, &str)> {
    let bracket = match value.strip_prefix('"') {
        Some(quoted) => {
            let behind = 1 + end_of_quote(quoted)?;
            let rest = &value[behind..];
            let bracket = behind + rest.find('<')?;
            value[behind..bracket].trim().is_empty().then_some(bracket)
        }
        None => value.find('<'),
    };
    let Some(bracket) = bracket else {
        // A URI alone has no parameters of its own: they are the header's.
        let end = value.find(';').unwrap_or(value.len());
        let uri = value[..end].trim_end();
        let is_one = uri.contains(':') && !uri.contains(|c: char| c.is_whitespace() || "\",<>".contains(c));
        return is_one.then(|| (uri.to_owned(), &value[end..]));
    };
    let name = value[..bracket].trim_end();
    // A comma in a name needs quotes.
    if !name.starts_with('"') && name.contains(['"', ',', ';']) {
        return None;
    }
    let inside = &value[bracket + 1..];
    let end = inside.find('>')?;
    let uri = &inside[..end];
    let behind = inside[end + 1..].trim_start();
    let is_one = !uri.is_empty() && !uri.contains(|c: char| c.is_whitespace() || c == '<');
    if !is_one || !behind.is_empty() && !behind.starts_with(';') {
        return None;
    }
    let space = if name.is_empty() { "" } else { " " };
    Some((format!("{name}{space}<{uri}>"), behind))
}

/// Behind the closing quote; `None`: it is never closed.
fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The parts between `mark`s that are in no quotes; `None`: a quote is never closed, or there is a comma outside.
fn split(text: &str, mark: char) -> Option<Vec<&str>> {
    let (mut parts, mut begun, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = text[at..].find(['"', ',', mark]) {
        let (place, behind) = (at + found, at + found + 1);
        match text.as_bytes()[place] {
            b'"' => at = behind + end_of_quote(&text[behind..])?,
            b',' => return None,
            _ => {
                parts.push(&text[begun..place]);
                (begun, at) = (behind, behind);
            }
        }
    }
    parts.push(&text[begun..]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_writing() {
        for (value, plain, tag) in [
            ("sip:a@b", "sip:a@b", None),
            ("sip:a@b ;   tag    = 19n", "sip:a@b;tag=19n", Some("19n")),
            ("<sip:a@b;x>;TAG=1;y", "<sip:a@b;x>;TAG=1;y", Some("1")),
            ("caller<sip:a@b>;tag=323", "caller <sip:a@b>;tag=323", Some("323")),
            ("\"J \\\\\\\"\"       <sip:a@b> ; tag = 98", "\"J \\\\\\\"\" <sip:a@b>;tag=98", Some("98")),
            ("\"A, <B>\" <sip:a@b>;x=\"c,;d\"", "\"A, <B>\" <sip:a@b>;x=\"c,;d\"", None),
            ("isbn:2983792873", "isbn:2983792873", None),
        ] {
            let address = read(value).unwrap_or_else(|| panic!("{value}"));
            assert_eq!((address.plain.as_str(), address.tag.as_deref()), (plain, tag), "{value}");
        }
    }

    #[test]
    fn what_is_none_is_none() {
        for bad in [
            "",
            "<",
            "<>",
            "3000",
            "\"A <sip:a@b>",
            "A, B <sip:a@b>",
            "< sip:a@b >",
            "<sip:a@b",
            "<sip:a@b> x",
            "sip:a@b, sip:c@d",
            "<sip:a@b>, <sip:c@d>",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag",
            "<sip:a@b>;tag=1;tag=2",
            "\"a\" b <sip:a@b>",
            "<sip:a@b>;x=\"",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
