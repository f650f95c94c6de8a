//! What the lines of one media stream say: addresses, direction, payload types, numbers.

use super::OfferError;
use sdp_types::{Attribute, Media, Session};
use std::net::{IpAddr, SocketAddr};

/// A parameter of a payload type that is a number.
pub(super) fn fmtp(media: &Media, payload_type: u8, name: &str) -> Option<u32> {
    media.attributes.iter().filter(|a| a.attribute == "fmtp").find_map(|a| {
        let (pt, parameters) = a.value.as_deref()?.split_once(' ')?;
        let mut pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?.1;
        if pt.parse() == Ok(payload_type) { found.trim().parse().ok() } else { None }
    })
}

pub(super) fn payload_types(media: &Media) -> impl Iterator<Item = u8> + '_ {
    media.fmt.split_ascii_whitespace().filter_map(|pt| pt.parse().ok()).filter(|pt| *pt < 128)
}

/// The encoding of a payload type in lower case, as `pcmu/8000`.
pub(super) fn rtpmap(media: &Media, payload_type: u8) -> Option<String> {
    media.attributes.iter().filter(|a| a.attribute == "rtpmap").find_map(|a| {
        let (pt, encoding) = a.value.as_deref()?.split_once(' ')?;
        (pt.parse() == Ok(payload_type)).then(|| encoding.trim().to_ascii_lowercase())
    })
}

pub(super) fn remote_address(sdp: &Session, media: &Media) -> Result<SocketAddr, OfferError> {
    let connection = media.connections.first().or(sdp.connection.as_ref()).ok_or(OfferError::NoAddress)?;
    let ip = connection.try_address().map_err(|_| OfferError::NoAddress)?.ip;
    if ip.is_multicast() {
        return Err(OfferError::NoAddress);
    }
    Ok(SocketAddr::new(ip, media.port))
}

/// The next port, or what `a=rtcp` says (RFC 3605).
pub(super) fn rtcp_address(media: &Media, remote: SocketAddr) -> SocketAddr {
    let named = media.attributes.iter().find(|a| a.attribute == "rtcp").and_then(|a| {
        let mut words = a.value.as_deref()?.split_ascii_whitespace();
        let port = words.next()?.parse().ok()?;
        let ip = words.nth(2).and_then(|ip| ip.parse().ok()).unwrap_or(remote.ip());
        (!ip.is_multicast()).then(|| SocketAddr::new(ip, port))
    });
    named.unwrap_or(SocketAddr::new(remote.ip(), remote.port().saturating_add(1)))
}

/// (the caller wants media, the caller sends media). An address of zeros is the old way to say "on hold"
/// (RFC 3264 section 8.4): nothing can be sent there.
pub(super) fn direction(sdp: &Session, media: &Media, remote: IpAddr) -> (bool, bool) {
    let named = |name: &str| match name {
        "sendrecv" => Some((true, true)),
        "sendonly" => Some((false, true)),
        "recvonly" => Some((true, false)),
        "inactive" => Some((false, false)),
        _ => None,
    };
    let of = |attributes: &[Attribute]| attributes.iter().find_map(|a| named(&a.attribute));
    let (wants, sends) = of(&media.attributes).or_else(|| of(&sdp.attributes)).unwrap_or((true, true));
    (wants && !remote.is_unspecified(), sends)
}

/// The packet time that the caller wants, in 10..=60 ms and a multiple of 10; else 20.
pub(super) fn ptime_ms(media: &Media) -> u8 {
    let wanted = number(media, "ptime").unwrap_or(20).min(number(media, "maxptime").unwrap_or(60));
    match wanted {
        10 | 20 | 30 | 40 | 50 | 60 => wanted as u8,
        _ => 20,
    }
}

/// An attribute that is a number.
pub(super) fn number(media: &Media, name: &str) -> Option<u32> {
    let attribute = media.attributes.iter().find(|a| a.attribute == name)?;
    attribute.value.as_deref()?.trim().parse().ok()
}

/// An attribute without a value.
pub(super) fn has(media: &Media, name: &str) -> bool {
    media.attributes.iter().any(|a| a.attribute == name)
}
