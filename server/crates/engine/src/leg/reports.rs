//! A leg's RTCP: what we report to the phone, what it reports to us, and how good the line is by both.

use crate::outbound::Outbound;
use crate::params::{Codec, MediaParams};
use crate::rng::Rng;
use crate::rtcp::{Equipment, Line, Malformed, REPORT_BYTES_MAX, Reception, RtcpSession, Sent};
use crate::rtp::header::Rtp;
use crate::time::{Arrival, Micros};
use model::Quality;
use std::net::SocketAddr;

pub(crate) struct Reports {
    session: RtcpSession,
    reception: Reception,
    /// Where they go: where the phone's come from, and before that, what its offer says.
    destination: SocketAddr,
    quality: Option<Quality>,
    /// The report that is being written; kept for its memory.
    bytes: Vec<u8>,
}

impl Reports {
    /// `ssrc`: of the stream that we send.
    pub(crate) fn new(now: Micros, media: &MediaParams, ssrc: u32, rng: &mut Rng) -> Self {
        Reports {
            session: RtcpSession::new(now, ssrc, rng),
            reception: Reception::new(media.codec.clock_hz()),
            destination: media.rtcp_remote,
            quality: None,
            bytes: Vec::with_capacity(REPORT_BYTES_MAX),
        }
    }

    /// A re-INVITE was agreed upon.
    pub(crate) fn update(&mut self, before: &MediaParams, media: &MediaParams) {
        if before.codec.clock_hz() != media.codec.clock_hz() {
            self.reception = Reception::new(media.codec.clock_hz());
        }
        self.destination = media.rtcp_remote;
    }

    /// A valid packet of the leg's source came.
    pub(crate) fn received(&mut self, arrival: Arrival, rtp: &Rtp<'_>, is_event: bool) {
        match is_event {
            true => self.reception.received_event(rtp.sequence, rtp.ssrc),
            false => self.reception.received(arrival, rtp.sequence, rtp.timestamp, rtp.ssrc),
        }
    }

    /// A datagram came to the leg's second port.
    ///
    /// # Errors
    /// Where it is no RTCP; nothing of it is believed then.
    pub(crate) fn handle(&mut self, now: Micros, from: SocketAddr, datagram: &[u8]) -> Result<(), Malformed> {
        self.session.handle(now, datagram)?;
        self.destination = from;
        Ok(())
    }

    /// Our report, if one is due, and where to send it. The line is rated anew with each.
    pub(crate) fn poll(
        &mut self,
        now: Micros,
        rng: &mut Rng,
        media: &MediaParams,
        outbound: &Outbound,
        buffer: impl FnOnce() -> Micros,
    ) -> Option<(SocketAddr, &[u8])> {
        if now < self.session.due() {
            return None;
        }
        let clock_hz = media.codec.clock_hz();
        let packet = Micros::from_ms(media.ptime_ms.into());
        let line = Line::new(
            now,
            &self.session,
            &self.reception,
            clock_hz,
            equipment(media.codec),
            packet,
            buffer(),
        );
        self.quality = line.quality().or(self.quality);
        self.bytes.clear();
        let sent = sent(now, outbound, clock_hz);
        self.session.poll(now, &sent, &mut self.reception, rng, &mut self.bytes)?;
        Some((self.destination, &self.bytes))
    }

    /// The last report, which takes leave.
    pub(crate) fn bye(
        &mut self,
        now: Micros,
        media: &MediaParams,
        outbound: &Outbound,
    ) -> Option<(SocketAddr, &[u8])> {
        self.bytes.clear();
        let sent = sent(now, outbound, media.codec.clock_hz());
        self.session.bye(now, &sent, &mut self.reception, &mut self.bytes)?;
        Some((self.destination, &self.bytes))
    }

    pub(crate) fn quality(&self) -> Option<Quality> {
        self.quality
    }
}

fn sent(now: Micros, outbound: &Outbound, clock_hz: u32) -> Sent {
    let sent = outbound.sent();
    Sent { packets: sent.packets, octets: sent.bytes, timestamp: outbound.timestamp(), at: now, clock_hz }
}

fn equipment(codec: Codec) -> Equipment {
    match codec {
        Codec::Pcmu | Codec::Pcma => Equipment::G711,
        Codec::G722 => Equipment::G722,
        Codec::Opus => Equipment::OPUS,
    }
}
