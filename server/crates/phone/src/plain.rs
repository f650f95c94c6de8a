//! Phones without signalling, for the benches: each sends to an address what a call of [`crate::load`] sends, and counts
//! what comes back, in the same media threads. So whoever only moves packets is compared with a server at the same
//! receivers.

use crate::codec::Codec;
use crate::load::{LoadError, Repertoire};
use crate::rtp::Statistics;
use crate::rtp::agreed::Agreed;
use crate::rtp::media::{Beginning, Media};
use crate::rtp::sockets::Sockets;
use crate::rtp::thread::{MediaThread, Seat, SharedMedia, lock};
use crate::sdp::Description;
use crate::sound::Sound;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// They stop when this is dropped.
pub struct PlainPhones {
    phones: Vec<(Seat, SharedMedia)>,
}

impl PlainPhones {
    /// A phone on 127.0.0.1 for each of `remotes`; the first `talkers` of them say a tone, the others are silent.
    /// `threads`: 1 or more.
    ///
    /// # Errors
    /// If there is no encoder, no thread, or the system refuses a socket.
    pub fn start(
        remotes: &[SocketAddr],
        codec: Codec,
        talkers: usize,
        threads: usize,
    ) -> Result<PlainPhones, LoadError> {
        if threads == 0 {
            return Err(LoadError::Nothing);
        }
        let repertoire = Repertoire::new(codec, 1).ok_or(LoadError::Codec)?;
        let threads: Vec<_> = (0..threads).map(|_| MediaThread::start_crowd()).collect::<Result<_, _>>()?;
        let mut phones = Vec::with_capacity(remotes.len());
        for (number, remote) in remotes.iter().enumerate() {
            let sockets = Sockets::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), false)?;
            let media = media(&sockets, *remote, codec)?;
            let said = repertoire.talk.first().filter(|_| number < talkers).unwrap_or(&repertoire.silence);
            lock(&media).repeat(Arc::clone(said));
            let seat = threads[number % threads.len()].seat(sockets, Arc::clone(&media))?;
            phones.push((seat, media));
        }
        Ok(PlainPhones { phones })
    }

    /// All phones' counts together, until now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut sum = Statistics::default();
        self.phones.iter().for_each(|(_, media)| sum.add(&lock(media).statistics()));
        sum
    }
}

/// As agreed with `remote`, and only counting what comes.
fn media(sockets: &Sockets, remote: SocketAddr, codec: Codec) -> io::Result<SharedMedia> {
    let ours = Description::offer(sockets.address()?, &[codec], false);
    let theirs = Description::offer(remote, &[codec], false);
    let agreed = Agreed::between(&ours, &theirs).map_err(io::Error::other)?;
    let unix_time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let beginning = Beginning { sound: Sound::Silence, codec, record: false, now: Instant::now(), unix_time };
    let mut media = Media::new(beginning, &mut rand::rng());
    media.agree(agreed);
    media.listen(false);
    Ok(Arc::new(Mutex::new(media)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn what_is_sent_back_is_counted_with_its_size() {
        let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        echo.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let remote = echo.local_addr().unwrap();
        let phones = PlainPhones::start(&[remote; 3], Codec::Pcma, 1, 2).unwrap();
        let mut datagram = [0; 1_500];
        // More than three phones could have sent in their first two turns.
        for _ in 0..9 {
            let (length, from) = echo.recv_from(&mut datagram).unwrap();
            assert_eq!((length, datagram[1] & 0x7f), (172, 8));
            echo.send_to(&datagram[..length], from).unwrap();
        }
        // Each looks for what came when it sends: two packets later it has counted all before.
        for _ in 0..9 {
            echo.recv_from(&mut datagram).unwrap();
        }
        let statistics = phones.statistics();
        assert!(statistics.packets_received >= 3, "{statistics:?}");
        assert_eq!(statistics.payload_bytes_received, 160 * statistics.packets_received);
        assert_eq!((statistics.datagrams_refused, statistics.packets_lost), (0, 0));
    }

    #[test]
    fn without_a_thread_there_is_nothing_to_do() {
        assert!(matches!(PlainPhones::start(&[], Codec::Pcma, 0, 0), Err(LoadError::Nothing)));
    }
}
