//! The cookies: the session's, and that of a visitor's language.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue, InvalidHeaderValue};
use model::Language;
use model::limits::SESSION_MS;

const SESSION: &str = "conference_session";
const LANGUAGE: &str = "conference_language";

/// How long a browser keeps the language: a year.
const LANGUAGE_S: u64 = 365 * 24 * 3_600;

/// The session token that a request carries. It is not known to be any good yet.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<&str> {
    value(headers, SESSION).filter(|token| !token.is_empty())
}

/// The language that whoever has no account chose in this browser.
pub(crate) fn language(headers: &HeaderMap) -> Option<Language> {
    value(headers, LANGUAGE)?.parse().ok()
}

fn value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// `Set-Cookie` that begins a session. `HttpOnly`: no script reads it. `Lax`: no other site's form carries it.
pub(crate) fn begin(token: &str, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    set(SESSION, token, SESSION_MS / 1_000, secure)
}

/// `Set-Cookie` that ends it.
pub(crate) fn end(secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    set(SESSION, "", 0, secure)
}

/// `Set-Cookie` that keeps a language.
pub(crate) fn keep_language(language: Language, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    set(LANGUAGE, language.code(), LANGUAGE_S, secure)
}

fn set(name: &str, value: &str, max_age_s: u64, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
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
        assert_eq!(language(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("conference_language=ru"));
        assert_eq!((session_token(&headers), language(&headers)), (Some("t0k3n"), Some(Language::Ru)));
        headers.insert(COOKIE, HeaderValue::from_static("conference_language=xx"));
        assert_eq!(language(&headers), None);
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
