use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn offer(media: &str) -> Result<Offer, OfferError> {
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}");
    Offer::parse(sdp.as_bytes(), SrtpPolicy::Allowed)
}

#[test]
fn takes_the_offerers_first_codec_that_is_ours() {
    let o = offer(
        "m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\n",
    )
    .unwrap();
    assert_eq!((o.codec, o.payload_type, o.telephone_event), (Codec::Pcma, 8, Some(101)));
    assert_eq!(o.remote, "127.0.0.1:4000".parse().unwrap());
    assert!(o.wants_media && o.sends_media);
}

#[test]
fn takes_the_codec_that_sounds_best() {
    let taken = |media: &str| offer(media).map(|o| (o.codec, o.payload_type, o.telephone_event));
    let all = "m=audio 4000 RTP/AVP 0 9 107 8 101 110\r\na=rtpmap:107 opus/48000/2\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\n";
    assert_eq!(taken(all), Ok((Codec::Opus, 107, Some(110))));
    assert_eq!(taken("m=audio 4000 RTP/AVP 0 9 8\r\n"), Ok((Codec::G722, 9, None)));
    let slow = format!("{all}a=fmtp:107 stereo=0; maxaveragebitrate=16000\r\n");
    assert_eq!(taken(&slow), Ok((Codec::G722, 9, Some(101))));
    assert_eq!(taken(&format!("{all}a=maxptime:10\r\n")), Ok((Codec::G722, 9, Some(101))));
    // Mono is no Opus of RFC 7587.
    assert_eq!(taken("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n"), Err(OfferError::NoCodec));
}

#[test]
fn answers_opus_with_what_we_would_like_to_get() {
    let o = offer("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=ptime:60\r\n").unwrap();
    let answer = o.answer("127.0.0.1:20000".parse().unwrap(), 7, 1, &Wiring::default());
    assert!(answer.contains("a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;usedtx=1\r\n"), "{answer}");
    assert!(answer.contains("a=ptime:20\r\n"), "{answer}");
}

#[test]
fn reports_go_to_the_next_port_or_where_the_offer_says() {
    let to = |media: &str| offer(media).unwrap().rtcp_remote.to_string();
    assert_eq!(to("m=audio 4000 RTP/AVP 0\r\n"), "127.0.0.1:4001");
    assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:5003\r\n"), "127.0.0.1:5003");
    assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:5003 IN IP4 192.0.2.1\r\n"), "192.0.2.1:5003");
    assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n"), "127.0.0.1:4001");
    assert_eq!(to("m=audio 65535 RTP/AVP 0\r\n"), "127.0.0.1:65535");
}

#[test]
fn takes_g711_under_a_dynamic_payload_type() {
    let o = offer("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000\r\n").unwrap();
    assert_eq!((o.codec, o.payload_type), (Codec::Pcmu, 97));
}

#[test]
fn a_remapped_static_type_is_what_the_map_says() {
    assert_eq!(offer("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G726-32/8000\r\n"), Err(OfferError::NoCodec));
}

#[test]
fn refuses_what_it_cannot_serve() {
    assert_eq!(offer("m=audio 4000 RTP/AVP 18\r\n"), Err(OfferError::NoCodec));
    assert_eq!(offer("m=audio 4000 RTP/SAVP 0\r\n"), Err(OfferError::NoCrypto));
    assert_eq!(offer("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"), Err(OfferError::NoAudio));
    assert_eq!(offer("m=video 4000 RTP/AVP 96\r\n"), Err(OfferError::NoAudio));
    assert_eq!(offer("m=audio 0 RTP/AVP 0\r\n"), Err(OfferError::NoAudio));
    assert_eq!(Offer::parse(b"", SrtpPolicy::Allowed), Err(OfferError::Missing));
    assert_eq!(Offer::parse(b"hello", SrtpPolicy::Allowed), Err(OfferError::Malformed));
    let long = format!("v=0\r\n{}", "a=x\r\n".repeat(1_000));
    assert_eq!(Offer::parse(long.as_bytes(), SrtpPolicy::Allowed), Err(OfferError::Malformed));
}

#[test]
fn the_answer_has_as_many_media_lines_as_the_offer() {
    let o = offer("m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n").unwrap();
    let answer = o.answer("127.0.0.1:20000".parse().unwrap(), 7, 1, &Wiring::default());
    assert!(answer.contains("m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 0\r\n"), "{answer}");
    assert!(answer.contains("a=ptime:30\r\na=sendrecv\r\n"), "{answer}");
    assert!(Session::parse(answer.as_bytes()).is_ok());
}

#[test]
fn hold_is_answered_with_its_mirror() {
    let direction = |media: &str| offer(media).unwrap().answered_direction();
    assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), "recvonly");
    assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), "sendonly");
    assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n"), "inactive");
    assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"), "recvonly");
}

#[test]
fn odd_packet_times_become_twenty() {
    for (said, meant) in [("10", 10), ("60", 60), ("25", 20), ("0", 20), ("200", 60), ("-1", 20)] {
        let o = offer(&format!("m=audio 4000 RTP/AVP 0\r\na=ptime:{said}\r\n")).unwrap();
        assert_eq!(o.ptime_ms, meant, "{said}");
    }
}

const CRYPTO: &str =
    "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\r\n";

fn offer_under(policy: SrtpPolicy, media: &str) -> Result<Offer, OfferError> {
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}");
    Offer::parse(sdp.as_bytes(), policy)
}

#[test]
fn encryption_is_taken_where_it_is_offered_and_the_answer_says_so() {
    let mut rng = StdRng::seed_from_u64(1);
    for proto in ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"] {
        let o = offer(&format!("m=audio 4000 {proto} 0\r\n{CRYPTO}a=rtcp-mux\r\n")).unwrap();
        let wiring = o.wiring(None, &mut rng);
        assert_eq!(o.rtcp_remote, o.remote);
        let answer = o.answer("127.0.0.1:20000".parse().unwrap(), 7, 1, &wiring);
        assert!(answer.contains(&format!("m=audio 20000 {proto} 0\r\n")), "{answer}");
        assert!(answer.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"), "{answer}");
        assert!(answer.contains("a=rtcp-mux\r\n") && wiring.rtcp_mux, "{answer}");
        assert_eq!(o.wiring(Some(&wiring), &mut rng), wiring, "an unchanged key is kept");
    }
    let o = offer("m=audio 4000 RTP/AVP 0\r\n").unwrap();
    assert_eq!(o.wiring(None, &mut rng), Wiring::default());
}

#[test]
fn an_encrypted_stream_goes_before_a_plain_one() {
    let both = format!("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/SAVP 8\r\n{CRYPTO}");
    let port = |policy| offer_under(policy, &both).unwrap().remote.port();
    assert_eq!(port(SrtpPolicy::Off), 4000);
    assert_eq!(port(SrtpPolicy::Allowed), 4002);
    assert_eq!(port(SrtpPolicy::Required), 4002);
}

#[test]
fn the_policy_refuses_what_it_forbids() {
    let plain = "m=audio 4000 RTP/AVP 0\r\n";
    let secure = format!("m=audio 4000 RTP/SAVP 0\r\n{CRYPTO}");
    assert_eq!(offer_under(SrtpPolicy::Required, plain), Err(OfferError::PlainRefused));
    assert_eq!(offer_under(SrtpPolicy::Off, &secure), Err(OfferError::NoAudio));
    let encrypted = offer_under(SrtpPolicy::Allowed, &secure).unwrap();
    assert_eq!(encrypted.policy_of_next(SrtpPolicy::Allowed), SrtpPolicy::Required);
    let open = offer_under(SrtpPolicy::Allowed, plain).unwrap();
    assert_eq!(open.policy_of_next(SrtpPolicy::Allowed), SrtpPolicy::Allowed);
    let best_effort = format!("{plain}{CRYPTO}");
    assert!(offer_under(SrtpPolicy::Required, &best_effort).unwrap().crypto.is_some());
    assert!(offer_under(SrtpPolicy::Off, &best_effort).unwrap().crypto.is_none());
}
