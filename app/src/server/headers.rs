//! What every answer carries, so that a page can do no more than it needs.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What a page needs of a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Plain,
    /// Records sound, and plays what it has recorded.
    Records,
}

impl Page {
    /// `nonce`: that of the page's own script.
    pub(crate) fn policy(self, nonce: &str) -> String {
        let media = if self == Page::Records { "; media-src 'self' blob:" } else { "" };
        format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
             connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'{media}"
        )
    }

    pub(crate) fn permissions(self) -> HeaderValue {
        match self {
            Page::Plain => NOTHING_PERMITTED,
            Page::Records => HeaderValue::from_static("camera=(), geolocation=(), microphone=(self)"),
        }
    }
}

/// Which of the machine's senses a page may ask for (W3C Permissions Policy).
pub(crate) const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const NOTHING_PERMITTED: HeaderValue = HeaderValue::from_static("camera=(), geolocation=(), microphone=()");

/// For whatever is no page with a policy of its own.
const STRICTEST_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Refuses what another site's page sends, and marks every answer as private.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && from_another_site(&request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut or_insert = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    // A token may stand in a page's address: it is nobody else's to see, nor to keep.
    or_insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    or_insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    or_insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    or_insert(CONTENT_SECURITY_POLICY, STRICTEST_POLICY);
    or_insert(PERMISSIONS_POLICY, NOTHING_PERMITTED);
    or_insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    response
}

/// Browsers say where a request comes from (Fetch Metadata); whatever is no browser holds no cookie to abuse.
fn from_another_site(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}
