//! In which language a page is written: the account's, else the one chosen at a page's foot, else the browser's, else
//! French.

use super::cookie;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use model::Language;

/// The language of who has no account.
pub(crate) fn of_stranger(headers: &HeaderMap) -> Language {
    cookie::language(headers).unwrap_or_else(|| accepted(headers))
}

/// The language that a browser asks for, by RFC 9110 section 12.5.4; French where it asks for none that there is.
fn accepted(headers: &HeaderMap) -> Language {
    let wishes = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best: Option<(Language, f32)> = None;
    for wish in wishes.split(',') {
        let (tag, weight) = wish.split_once(';').unwrap_or((wish, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        let Ok(language) = primary.parse::<Language>() else { continue };
        // The first of two equal wishes wins.
        if weight > 0.0 && best.is_none_or(|(_, had)| weight > had) {
            best = Some((language, weight));
        }
    }
    best.map_or_else(Language::default, |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn obeys_the_browser_where_it_can() {
        let asked = |wish: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(wish));
            accepted(&headers)
        };
        assert_eq!(accepted(&HeaderMap::new()), Language::Fr);
        assert_eq!(asked("en-GB,en;q=0.9,fr;q=0.8"), Language::En);
        assert_eq!(asked("de-DE,de;q=0.9,en;q=0.5,fr;q=0.7"), Language::De);
        assert_eq!(asked("pt-BR,pt;q=0.9,es-419;q=0.8,en;q=0.5"), Language::Es);
        assert_eq!(asked("uk,ru;q=0.6,it;q=0.4"), Language::Ru);
        assert_eq!(asked("it-CH, de-CH;q=0.9"), Language::It);
        assert_eq!(asked("en;q=0, *"), Language::Fr);
        assert_eq!(asked("EN"), Language::En);
        assert_eq!(asked(";;,q=,=;q=x"), Language::Fr);
    }
}
