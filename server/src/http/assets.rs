//! The files that the browser loads, embedded in the program by `build.rs`: script, WebAssembly and style
//! under `/pkg/`, and what lies in `public/`.

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// How the pages find script and style.
pub(crate) const SITE: app::Site = app::Site { output_name: OUTPUT_NAME, style_path: STYLE_PATH };

/// A file as it was when the program was built.
#[derive(Clone, Copy, Debug)]
struct File {
    /// The path of its address, with the leading `/`.
    path: &'static str,
    /// Of the content that is not compressed.
    hash: &'static str,
    plain: &'static [u8],
    /// The same, compressed; `None` where that would not be smaller.
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// A route for each embedded file; none if the program was built without them.
pub(crate) fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, &file| {
        router.route(file.path, get(move |headers: HeaderMap| async move { respond(file, &headers) }))
    })
}

/// The whole file in the best coding that the client takes, or 304 if it has that one already. (Of a `HEAD`
/// request's answer axum drops the body and keeps the length.)
fn respond(file: File, request: &HeaderMap) -> Response {
    let vary = (VARY, HeaderValue::from_static("accept-encoding"));
    let Some((coding, body)) = Accepted::read(request).choose(file) else {
        // RFC 9110, section 12.5.3: nothing that is there may be sent.
        return (StatusCode::NOT_ACCEPTABLE, [vary]).into_response();
    };
    let tag = entity_tag(file, coding);
    let unchanged = matches(request, &tag);
    let Ok(tag) = HeaderValue::from_str(&tag) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // RFC 9110, section 15.4.5: what a cache needs to refresh its entry goes with a 304 as well.
    let cached = [vary, (CACHE_CONTROL, cache_control(file.path)), (ETAG, tag)];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    let mut response = (cached, [(CONTENT_TYPE, content_type(file.path))], Body::from(body)).into_response();
    if let Some(name) = coding.name() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

/// Names under `/pkg/` change with their content. The others keep theirs, and may change with the next
/// version of the program.
fn cache_control(path: &str) -> HeaderValue {
    HeaderValue::from_static(if path.starts_with("/pkg/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    })
}

fn content_type(path: &str) -> HeaderValue {
    HeaderValue::from_static(match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        // Compiled while it loads only under this name.
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    })
}

/// A content coding of RFC 9110, section 8.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}

/// The tag is strong, so each coding has its own (RFC 9110, section 8.8.3.3).
fn entity_tag(file: File, coding: Coding) -> String {
    match coding.name() {
        Some(name) => format!("\"{}-{name}\"", file.hash),
        None => format!("\"{}\"", file.hash),
    }
}

/// Whether `If-None-Match` has the tag, by weak comparison (RFC 9110, sections 8.8.3.2 and 13.1.2).
fn matches(request: &HeaderMap, tag: &str) -> bool {
    list(request, IF_NONE_MATCH).any(|member| member == "*" || member.trim_start_matches("W/") == tag)
}

/// The members of a header that is a list, over all its lines. One that is not text has none.
fn list(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

/// How much the client wants each coding, from 0, never, to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    brotli: u16,
    gzip: u16,
    identity: u16,
}

impl Accepted {
    /// Reads `Accept-Encoding` by RFC 9110, section 12.5.3.
    fn read(request: &HeaderMap) -> Self {
        let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
        for member in list(request, ACCEPT_ENCODING) {
            let mut parts = member.split(';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts.find_map(weight).unwrap_or(1000);
            match name.as_str() {
                "br" => brotli = Some(weight),
                "gzip" | "x-gzip" => gzip = Some(weight),
                "identity" => identity = Some(weight),
                "*" => others = Some(weight),
                _ => {}
            }
        }
        Self {
            brotli: brotli.or(others).unwrap_or(0),
            gzip: gzip.or(others).unwrap_or(0),
            // Always good enough where it is not excluded, and only then.
            identity: identity.or(others).unwrap_or(1),
        }
    }

    /// The best of what the file has; of equals the smallest.
    fn choose(self, file: File) -> Option<(Coding, &'static [u8])> {
        let mut best = None;
        let mut best_weight = 0;
        for (weight, coding, body) in [
            (self.brotli, Coding::Brotli, file.brotli),
            (self.gzip, Coding::Gzip, file.gzip),
            (self.identity, Coding::Identity, Some(file.plain)),
        ] {
            if weight > best_weight
                && let Some(body) = body
            {
                (best, best_weight) = (Some((coding, body)), weight);
            }
        }
        best
    }
}

/// `q=0.5` as 500; `None` for another parameter. What is no number counts as 0: do not send what may not
/// have been asked for.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let weight: f32 = value.trim().parse().unwrap_or(0.0);
    // A cast from a float saturates, and makes 0 of what is not a number.
    Some((weight.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WASM: File = File {
        path: "/pkg/conference.1_bg.wasm",
        hash: "h",
        plain: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };
    const ROBOTS: File = File { path: "/robots.txt", brotli: None, gzip: None, ..WASM };

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn chosen(accept: &'static str, file: File) -> Option<Coding> {
        Accepted::read(&headers(&[(ACCEPT_ENCODING, accept)])).choose(file).map(|(coding, _)| coding)
    }

    #[test]
    fn the_best_coding_that_is_taken_is_sent() {
        for (accept, expected) in [
            ("", Some(Coding::Identity)),
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("X-GZIP", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Identity)),
            ("*", Some(Coding::Brotli)),
            ("br;q=0.5, gzip", Some(Coding::Gzip)),
            ("br;q=0, *", Some(Coding::Gzip)),
            ("br;q=0.2, identity;q=0.3", Some(Coding::Identity)),
            ("gzip;q=0.001", Some(Coding::Gzip)),
            ("br; Q=0 , gzip;q=0", Some(Coding::Identity)),
            ("identity;q=0, br;q=0.1", Some(Coding::Brotli)),
            ("identity;q=0", None),
            ("*;q=0", None),
            ("br;q=rubbish", Some(Coding::Identity)),
            ("br;q=NaN, gzip;q=-1", Some(Coding::Identity)),
            (";;=,,q=1", Some(Coding::Identity)),
        ] {
            assert_eq!(chosen(accept, WASM), expected, "{accept}");
        }
        assert_eq!(Accepted::read(&HeaderMap::new()).choose(WASM).map(|(c, _)| c), Some(Coding::Identity));
    }

    #[test]
    fn a_file_without_neighbours_is_sent_as_it_is() {
        assert_eq!(chosen("br, gzip", ROBOTS), Some(Coding::Identity));
        assert_eq!(chosen("br, identity;q=0", ROBOTS), None);
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut request = headers(&[(ACCEPT_ENCODING, "br;q=0.1")]);
        request.append(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(Accepted::read(&request), Accepted { brotli: 100, gzip: 1000, identity: 1 });
    }

    #[tokio::test]
    async fn what_is_sent_says_what_it_is() {
        let response = respond(WASM, &headers(&[(ACCEPT_ENCODING, "br")]));
        assert_eq!(response.status(), StatusCode::OK);
        let expected = headers(&[
            (CONTENT_TYPE, "application/wasm"),
            (CONTENT_ENCODING, "br"),
            (VARY, "accept-encoding"),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (ETAG, "\"h-br\""),
        ]);
        assert_eq!(response.headers(), &expected);
        let body = axum::body::to_bytes(response.into_body(), 10).await.unwrap();
        assert_eq!(body, "br");

        let response = respond(ROBOTS, &HeaderMap::new());
        assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=3600");
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let status = |tags: &'static str| {
            respond(WASM, &headers(&[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, tags)])).status()
        };
        for tags in ["\"h-gzip\"", "W/\"h-gzip\"", "\"x\", \"h-gzip\"", "*"] {
            assert_eq!(status(tags), StatusCode::NOT_MODIFIED, "{tags}");
        }
        // The tag of another coding is another thing.
        for tags in ["\"h\"", "\"h-br\"", "h-gzip", ""] {
            assert_eq!(status(tags), StatusCode::OK, "{tags}");
        }
        let response = respond(WASM, &headers(&[(IF_NONE_MATCH, "\"h\"")]));
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[ETAG], "\"h\"");
        assert_eq!(response.headers()[VARY], "accept-encoding");
    }

    #[test]
    fn a_client_that_takes_nothing_is_told() {
        let response = respond(WASM, &headers(&[(ACCEPT_ENCODING, "*;q=0")]));
        assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    }
}
