use super::*;
use rsipstack::sip::SipMessage;

fn request(headers: &str) -> Request {
    let text = format!(
        "UPDATE sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{headers}\r\n"
    );
    match SipMessage::try_from(text.as_bytes()).unwrap() {
        SipMessage::Request(request) => request,
        SipMessage::Response(_) => unreachable!("a request was written"),
    }
}

fn response(status: u16, headers: &str) -> Response {
    let text =
        format!("SIP/2.0 {status} Any\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{headers}\r\n");
    match SipMessage::try_from(text.as_bytes()).unwrap() {
        SipMessage::Response(response) => response,
        SipMessage::Request(_) => unreachable!("a response was written"),
    }
}

fn agreed(headers: &str) -> Result<Option<(u32, Refresher)>, TooShort> {
    agree(&request(headers), None).map(|agreed| agreed.map(|agreed| (agreed.interval_s, agreed.refresher)))
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

const OURS: Agreed = Agreed { interval_s: 90, refresher: Refresher::We, known: true };
const THEIRS: Agreed = Agreed { refresher: Refresher::They, ..OURS };

#[test]
fn who_knows_timers_says_who_refreshes() {
    let with =
        |expires: &str| agreed(&format!("Supported: replaces, Timer\r\nSession-Expires: {expires}\r\n"));
    assert_eq!(with("120;refresher=uac"), Ok(Some((120, Refresher::They))));
    assert_eq!(with("120 ; Refresher = UAS"), Ok(Some((120, Refresher::We))));
    assert_eq!(with("120"), Ok(Some((120, Refresher::They))));
    assert_eq!(with("4000000000"), Ok(Some((86_400, Refresher::They))));
    assert_eq!(agreed("k: timer\r\nx: 120;refresher=uas\r\n"), Ok(Some((120, Refresher::We))));
}

#[test]
fn a_role_once_taken_stays_where_nobody_speaks_of_it() {
    let again = |before| {
        let request = request("Supported: timer\r\nSession-Expires: 120\r\n");
        agree(&request, Some(before)).unwrap().unwrap().refresher
    };
    assert_eq!((again(Refresher::We), again(Refresher::They)), (Refresher::We, Refresher::They));
}

#[test]
fn who_asks_for_no_timer_but_knows_them_is_refreshed_by_us() {
    assert_eq!(agreed("Supported: timer\r\n"), Ok(Some((1_800, Refresher::We))));
    assert_eq!(agreed("Supported: timer\r\nMin-SE: 3600\r\n"), Ok(Some((3_600, Refresher::We))));
    assert_eq!(agreed("Supported: 100rel\r\n"), Ok(None));
    assert_eq!(agreed("Supported: timer\r\nSession-Expires: soon\r\n"), Ok(Some((1_800, Refresher::We))));
}

#[test]
fn too_short_an_interval_is_refused_or_passed_over() {
    assert_eq!(agreed("Supported: timer\r\nSession-Expires: 89\r\n"), Err(TooShort));
    assert_eq!(agreed("Session-Expires: 89\r\n"), Ok(None));
    assert_eq!(agreed("Session-Expires: 90;refresher=uac\r\n"), Ok(Some((90, Refresher::We))));
    let answer = Answer::from(&TooShort);
    assert_eq!(answer.status.code(), 422);
    assert_eq!(answer.headers[0].to_string(), "Min-SE: 90");
}

#[test]
fn our_answer_says_what_was_agreed_upon() {
    let written = |agreed: Agreed| agreed.headers().iter().map(Header::to_string).collect::<Vec<_>>();
    assert_eq!(written(OURS), ["Session-Expires: 90;refresher=uas", "Require: timer"]);
    assert_eq!(written(THEIRS)[0], "Session-Expires: 90;refresher=uac");
    assert_eq!(written(Agreed { known: false, ..OURS }), ["Session-Expires: 90;refresher=uas"]);
}

#[test]
fn we_refresh_at_half_time_and_end_what_is_not_refreshed() {
    let now = Instant::now();
    let mut timer = Timer::start(Some(OURS), now);
    assert_eq!(timer.next(), Some(now + seconds(45)));
    assert_eq!(timer.due(now + seconds(44)), Due::Nothing);
    assert_eq!(timer.due(now + seconds(45)), Due::Refresh(OURS));
    assert_eq!(timer.next(), Some(now + seconds(60)), "90 s less a third");
    assert_eq!(timer.due(now + seconds(59)), Due::Nothing);
    timer.retry(now + seconds(50), 100);
    assert_eq!(timer.due(now + seconds(50)), Due::Refresh(Agreed { interval_s: 100, ..OURS }));
    assert_eq!(timer.due(now + seconds(60)), Due::End);
}

#[test]
fn they_have_until_32_seconds_before_the_end() {
    let now = Instant::now();
    let mut timer = Timer::start(Some(Agreed { interval_s: 1_800, ..THEIRS }), now);
    assert_eq!(timer.refresher(), Some(Refresher::They));
    assert_eq!(timer.due(now + seconds(1_767)), Due::Nothing);
    assert_eq!(timer.due(now + seconds(1_768)), Due::End);
    timer.retry(now, 3_600);
    assert_eq!(timer.next(), Some(now + seconds(1_768)), "nothing of ours to try again");
}

#[test]
fn without_an_agreement_nothing_is_ever_due() {
    let now = Instant::now();
    let mut timer = Timer::start(None, now);
    assert_eq!((timer.next(), timer.due(now + seconds(1_000_000))), (None, Due::Nothing));
}

#[test]
fn an_answer_to_our_refresh_is_understood() {
    let read = |status, headers: &str| Refreshed::read(&response(status, headers), OURS);
    assert_eq!(read(200, "Session-Expires: 90;refresher=uac\r\n"), Refreshed::Agreed(Some(OURS)));
    assert_eq!(read(200, "Session-Expires: 90;refresher=uas\r\n"), Refreshed::Agreed(Some(THEIRS)));
    assert_eq!(read(200, "Session-Expires: 1\r\n"), Refreshed::Agreed(Some(OURS)), "nobody hurries us");
    assert_eq!(read(200, ""), Refreshed::Agreed(None));
    assert_eq!(read(422, "Min-SE: 120\r\n"), Refreshed::TooShort { least_s: 120 });
    assert_eq!(read(422, ""), Refreshed::TooShort { least_s: 90 });
    assert_eq!(read(491, ""), Refreshed::Glare);
    assert_eq!((read(405, ""), read(501, "")), (Refreshed::NotServed, Refreshed::NotServed));
    assert_eq!((read(408, ""), read(481, "")), (Refreshed::Over, Refreshed::Over));
    assert_eq!((read(488, ""), read(503, "")), (Refreshed::Refused, Refreshed::Refused));
}
