//! The session's cookie.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue, InvalidHeaderValue};
use model::limits::SESSION_MS;

const NAME: &str = "conference_session";

/// The session token that a request carries. It is not known to be any good yet.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let value = pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == NAME);
    value.map(|(_, token)| token).filter(|token| !token.is_empty())
}

/// `Set-Cookie` that begins a session. `HttpOnly`: no script reads it. `Lax`: no other site's form carries it.
pub(crate) fn begin(token: &str, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    set(token, SESSION_MS / 1_000, secure)
}

/// `Set-Cookie` that ends it.
pub(crate) fn end(secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    set("", 0, secure)
}

fn set(token: &str, max_age_s: u64, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{NAME}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_own_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_token(&headers), None);
        headers.insert(COOKIE, HeaderValue::from_static("a=b; conference_session=t0k3n; c=d"));
        assert_eq!(session_token(&headers), Some("t0k3n"));
        headers.insert(COOKIE, HeaderValue::from_static("conference_session="));
        assert_eq!(session_token(&headers), None);
    }

    #[test]
    fn goes_by_https_alone_where_there_is_https() {
        assert!(begin("t", true).unwrap().to_str().unwrap().ends_with("; Secure"));
        let plain = begin("t", false).unwrap();
        let plain = plain.to_str().unwrap();
        assert!(plain.contains("HttpOnly") && plain.contains("SameSite=Lax") && !plain.contains("Secure"));
    }
}
