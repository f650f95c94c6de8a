//! A called side of a hundred lines, for many calls: answers every INVITE, echoes sound, and tells what it sees.

use std::net::SocketAddr;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// µ-law silence: nobody talks (G.711 table 2a: +0 and -0).
const SILENCE: [u8; 2] = [0xff, 0x7f];

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An ACK: by its calling number.
    CallFrom(String),
    /// A packet that holds sound.
    Talk,
    /// A BYE: by its calling number.
    HungUp(String),
}

pub(crate) struct Switchboard {
    pub(crate) address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Switchboard {
    /// Answers by G.711 and telephone-events.
    pub(crate) async fn open() -> Switchboard {
        Switchboard::open_with("0 101", "a=rtpmap:101 telephone-event/8000\r\n").await
    }

    /// Answers by these payload types, with these attributes.
    pub(crate) async fn open_with(types: &'static str, attributes: &'static str) -> Switchboard {
        let sip = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let rtp = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let address = sip.local_addr().expect("it is bound");
        let rtp_port = rtp.local_addr().expect("it is bound").port();
        let (sender, seen) = mpsc::unbounded_channel();
        let media = format!("m=audio {rtp_port} RTP/AVP {types}\r\n{attributes}");
        tokio::spawn(signal(sip, media, sender.clone()));
        tokio::spawn(listen(rtp, sender));
        Switchboard { address, seen }
    }

    /// Waits for this, whatever else is seen before.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.seen.recv().await.expect("the switchboard is open");
            if wanted(&seen) {
                return seen;
            }
        }
    }
}

async fn signal(sip: UdpSocket, media: String, seen: mpsc::UnboundedSender<Seen>) {
    let mut datagram = [0; 4096];
    while let Ok((length, caller)) = sip.recv_from(&mut datagram).await {
        let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
        let from =
            text.split_once("From: ").and_then(|(_, from)| from.split_once("sip:")).map(|(_, uri)| uri);
        let from = from.and_then(|uri| uri.split('@').next()).unwrap_or_default().to_owned();
        // Nobody may be listening any more.
        let _ = match text.split(' ').next() {
            Some("ACK") => seen.send(Seen::CallFrom(from)),
            Some("BYE") => seen.send(Seen::HungUp(from)),
            _ => Ok(()),
        };
        if !text.starts_with("ACK") {
            let _ = sip.send_to(ok(&text, &media).as_bytes(), caller).await;
        }
    }
}

fn ok(request: &str, media: &str) -> String {
    let copied =
        |line: &&str| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
    let headers: Vec<&str> = request.lines().filter(copied).collect();
    let to = request.lines().find(|line| line.starts_with("To:")).unwrap_or_default();
    let tag = if to.contains("tag=") { "" } else { ";tag=board" };
    let body = if request.starts_with("INVITE") {
        format!("v=0\r\nc=IN IP4 127.0.0.1\r\n{media}")
    } else {
        String::new()
    };
    format!(
        "SIP/2.0 200 OK\r\n{}\r\n{to}{tag}\r\nContent-Length: {}\r\n\r\n{body}",
        headers.join("\r\n"),
        body.len()
    )
}

async fn listen(rtp: UdpSocket, seen: mpsc::UnboundedSender<Seen>) {
    let mut datagram = [0; 1500];
    while let Ok((length, caller)) = rtp.recv_from(&mut datagram).await {
        // The caller may be gone.
        let _ = rtp.send_to(&datagram[..length], caller).await;
        let is_sound = length == 172 && datagram[1] & 0x7f == 0;
        if is_sound && datagram[12..length].iter().any(|sample| !SILENCE.contains(sample)) {
            let _ = seen.send(Seen::Talk);
        }
    }
}
