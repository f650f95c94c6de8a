//! What comes from the phone: packets, the sound in them, and the keys, however they are sent.

use crate::dtmf::DtmfDetector;
use crate::jitter::{JitterBuffer, Need, Popped};
use crate::params::MediaParams;
use crate::rtp::event::{Key, Keypad};
use crate::rtp::header::Rtp;
use crate::rtp::latch::Latch;
use crate::stats::Dropped;
use crate::time::Micros;

pub(crate) struct Inbound {
    pub(crate) latch: Latch,
    ssrc: Option<u32>,
    keypad: Keypad,
    jitter: JitterBuffer,
    /// Only where keys do not come as telephone-events.
    detector: Option<Box<DtmfDetector>>,
    /// A key that was heard in the sound, and not yet obeyed.
    pressed: Option<Key>,
    /// A valid packet has come.
    pub(crate) heard: bool,
}

impl Inbound {
    pub(crate) fn new(now: Micros, media: &MediaParams) -> Self {
        Inbound {
            latch: Latch::new(now, media.remote),
            ssrc: None,
            keypad: Keypad::default(),
            jitter: JitterBuffer::new(media.codec),
            detector: detector(media),
            pressed: None,
            heard: false,
        }
    }

    /// A re-INVITE was agreed upon.
    pub(crate) fn update(&mut self, now: Micros, before: &MediaParams, media: &MediaParams) {
        self.latch.renew(now, before.remote, media.remote);
        if before.codec != media.codec {
            self.jitter.restart(media.codec);
        }
        if before.codec != media.codec || before.telephone_event != media.telephone_event {
            self.detector = detector(media);
        }
    }

    /// Reads a telephone-event; the answer is a key that was pressed.
    pub(crate) fn event(&mut self, now: Micros, rtp: &Rtp<'_>, dropped: &mut Dropped) -> Option<Key> {
        let pressed = self.keypad.receive(now, rtp.ssrc, rtp.timestamp, rtp.marker, rtp.payload);
        pressed.unwrap_or_else(|_| {
            dropped.malformed += 1;
            None
        })
    }

    /// Takes sound in.
    pub(crate) fn push(&mut self, media: &MediaParams, rtp: &Rtp<'_>, dropped: &mut Dropped) {
        self.follow(media, rtp);
        dropped.count(self.jitter.push(rtp.sequence, rtp.timestamp, rtp.payload));
    }

    /// Takes sound in that nobody hears, if it `stays_unheard`.
    pub(crate) fn push_unheard(
        &mut self,
        media: &MediaParams,
        rtp: &Rtp<'_>,
        dropped: &mut Dropped,
        stays_unheard: impl FnOnce(&[i16]) -> bool,
    ) {
        self.follow(media, rtp);
        let Rtp { sequence, timestamp, payload, .. } = *rtp;
        dropped.count(self.jitter.push_unheard(sequence, timestamp, payload, stays_unheard));
    }

    /// Another source of the same phone begins anew.
    fn follow(&mut self, media: &MediaParams, rtp: &Rtp<'_>) {
        if self.ssrc.replace(rtp.ssrc).is_some_and(|ssrc| ssrc != rtp.ssrc) {
            self.jitter.restart(media.codec);
        }
    }

    /// The coming tick's sound was taken away when it came.
    pub(crate) fn was_taken(&mut self) -> bool {
        self.jitter.was_taken()
    }

    /// The next 20 ms, at the codec's rate.
    pub(crate) fn pop(&mut self, frame: &mut [i16], need: Need) -> Popped {
        let need = if self.has_keys_in_sound() { Need::Sound } else { need };
        let popped = self.jitter.pop(frame, need);
        if let Some(detector) = &mut self.detector {
            self.pressed = detector.hear(frame).or(self.pressed);
        }
        popped
    }

    /// Keys come in the sound: it is needed from the first moment on.
    pub(crate) fn has_keys_in_sound(&self) -> bool {
        self.detector.is_some()
    }

    /// A key that was heard in the sound since this was asked last.
    pub(crate) fn take_pressed(&mut self) -> Option<Key> {
        self.pressed.take()
    }

    /// A key is held down: what the microphone hears is its tone, and nobody else's business.
    pub(crate) fn is_key_down(&self, now: Micros) -> bool {
        self.keypad.is_down(now) || self.detector.as_ref().is_some_and(|detector| detector.is_tone())
    }

    /// How long sound waits here.
    pub(crate) fn delay(&self) -> Micros {
        Micros(self.jitter.delay_us().into())
    }
}

fn detector(media: &MediaParams) -> Option<Box<DtmfDetector>> {
    media.telephone_event.is_none().then(|| Box::new(DtmfDetector::new(media.codec.rate().hz())))
}
