use super::numbers::NumberRule;
use super::settings::{Phone, Secret};
use super::*;
use crate::telephony::Transport;
use model::trunk::TrunkState;
use std::net::SocketAddr;

const NOW: UnixMs = 1_800_000_000_000;

fn ask<'a>(source: &str, dialled: &str, called: &[&str]) -> Ask<'a> {
    Ask {
        source: SocketAddr::new(source.parse().unwrap(), 5060),
        transport: Transport::Udp,
        dialled: dialled.to_owned(),
        called: called.iter().map(|&number| number.to_owned()).collect(),
        claims: Claims::default(),
        credentials: Vec::new(),
        method: "INVITE".to_owned(),
    }
}

fn trunk(name: &str, peers: Vec<Peer>, rule: Option<NumberRule>) -> TrunkSettings {
    let trust_identity = false;
    TrunkSettings {
        name: name.to_owned(),
        peers,
        registration: None,
        rule,
        trust_identity,
        keep_alive_s: None,
    }
}

fn network(text: &str) -> Peer {
    Peer::Network(text.parse().unwrap())
}

fn host(name: &str) -> Peer {
    Peer::Host(Host { name: name.to_owned(), port: None })
}

fn way(trunks: &Trunks, source: &str) -> String {
    match trunks.entrance(&ask(source, "3000", &[]), NOW, 1) {
        Ok(Entrance::Trunk(trunk)) => trunk.settings.name.clone(),
        Ok(Entrance::Phone(user)) => format!("phone {user}"),
        Ok(Entrance::Open) => "open".to_owned(),
        Err(Turned::Away) => "away".to_owned(),
        Err(Turned::Asked(_)) => "asked".to_owned(),
    }
}

#[test]
fn with_nothing_set_up_the_neighbourhood_may_call() {
    let trunks = Trunks::new(CallersSettings::default(), [1; 32]);
    for near in
        ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"]
    {
        assert_eq!(way(&trunks, near), "open", "{near}");
    }
    for far in
        ["203.0.113.1", "172.32.0.1", "100.64.0.1", "2001:db8::1", "255.255.255.255", "::ffff:203.0.113.1"]
    {
        assert_eq!(way(&trunks, far), "away", "{far}");
    }
    assert_eq!(way(&trunks, "::ffff:127.0.0.1"), "open");
    let lines = trunks.lines();
    assert_eq!((lines.other_refused, lines.last_refused, lines.strangers), (6, Some(NOW), Strangers::Nearby));
}

#[test]
fn a_call_is_its_trunks_by_its_address() {
    let settings = CallersSettings {
        trunks: vec![
            trunk("carrier", vec![network("203.0.113.0/24"), network("2001:db8::/32")], None),
            trunk("pbx", vec![host("198.51.100.7"), host("pbx.example.org")], None),
        ],
        ..CallersSettings::default()
    };
    let trunks = Trunks::new(settings, [1; 32]);
    for (source, by) in [
        ("203.0.113.9", "carrier"),
        ("::ffff:203.0.113.9", "carrier"),
        ("2001:db8::9", "carrier"),
        ("198.51.100.7", "pbx"),
        ("198.51.100.8", "away"),
        // With a trunk set up, the neighbourhood has no privilege.
        ("127.0.0.1", "away"),
        ("192.168.1.1", "away"),
    ] {
        assert_eq!(way(&trunks, source), by, "{source}");
    }
    trunks.all()[1].learn("pbx.example.org", ["198.51.100.8".parse().unwrap()].into_iter());
    assert_eq!(way(&trunks, "198.51.100.8"), "pbx");
    trunks.all()[1].learn("pbx.example.org", ["198.51.100.9".parse().unwrap()].into_iter());
    assert_eq!(way(&trunks, "198.51.100.8"), "away");
    assert_eq!(trunks.lines().other_refused, 4);
}

#[test]
fn calls_are_counted_where_they_came_from() {
    let carrier = trunk("carrier", vec![network("203.0.113.0/24")], None);
    let settings =
        CallersSettings { trunks: vec![carrier], allow_guests: true, ..CallersSettings::default() };
    let trunks = Trunks::new(settings, [1; 32]);
    let by_trunk = trunks.entrance(&ask("203.0.113.9", "3000", &[]), NOW, 1).unwrap();
    let guest = trunks.entrance(&ask("192.0.2.1", "3000", &[]), NOW, 1).unwrap();
    for (entrance, taken) in [(&by_trunk, true), (&by_trunk, false), (&by_trunk, true), (&guest, true)] {
        trunks.count(entrance, taken, NOW + 5);
    }
    trunks.count(&guest, false, NOW + 7);
    let lines = trunks.lines();
    let TrunkState { taken, refused, last_call, reach, .. } = lines.trunks[0].clone();
    assert_eq!((taken, refused, last_call, reach), (2, 1, Some(NOW + 5), None));
    assert_eq!((lines.other_taken, lines.other_refused, lines.last_refused), (1, 1, Some(NOW + 7)));
}

#[test]
fn a_telephone_shows_its_password_unless_guests_are_welcome() {
    let phone = Phone { user: "alice".to_owned(), password: Secret::new("secret".to_owned()) };
    let settings =
        CallersSettings { phones: vec![phone], digests: vec![Algorithm::Md5], ..CallersSettings::default() };
    let trunks = Trunks::new(settings.clone(), [1; 32]);
    assert_eq!(way(&trunks, "127.0.0.1"), "asked");
    assert_eq!(trunks.lines().other_refused, 0, "who is asked is not refused");
    let Err(Turned::Asked(challenges)) = trunks.entrance(&ask("192.0.2.1", "3000", &[]), NOW, 2) else {
        panic!("nothing was asked")
    };
    let challenge = Challenge::best(challenges.iter().map(String::as_str)).unwrap();
    let enter = |trunks: &Trunks, password: &str| {
        let answer = challenge.answer("alice", password, "INVITE", "sip:3000@192.0.2.9", "c0");
        let asked = Ask { credentials: vec![&answer], ..ask("192.0.2.1", "3000", &[]) };
        trunks.entrance(&asked, NOW, 3).ok().map(|entrance| matches!(entrance, Entrance::Phone(_)))
    };
    assert_eq!(enter(&trunks, "wrong"), None);
    assert_eq!(trunks.lines().other_refused, 1);
    assert_eq!(enter(&trunks, "secret"), Some(true));
    let open = Trunks::new(CallersSettings { allow_guests: true, ..settings }, [1; 32]);
    assert_eq!(way(&open, "192.0.2.1"), "open");
    assert_eq!(enter(&open, "wrong"), Some(false));
    assert_eq!(enter(&open, "secret"), Some(true));
}

#[test]
fn a_trunk_may_name_the_number_in_its_headers_and_others_may_not() {
    let rule =
        NumberRule { country: "33".to_owned(), national: "0".to_owned(), international: "00".to_owned() };
    let settings = CallersSettings {
        trunks: vec![trunk("carrier", vec![network("203.0.113.0/24")], Some(rule))],
        allow_guests: true,
        ..CallersSettings::default()
    };
    let trunks = Trunks::new(settings, [1; 32]);
    let dialled = |source, dialled, called: &[&str]| -> Vec<String> {
        let ask = ask(source, dialled, called);
        trunks.entrance(&ask, NOW, 1).unwrap().dialled(&ask).iter().map(ToString::to_string).collect()
    };
    let to = ["0328003000"];
    assert_eq!(dialled("203.0.113.9", "account", &to), ["+33328003000", "0328003000"]);
    assert_eq!(dialled("203.0.113.9", "3000", &to), ["3000", "+33328003000", "0328003000"]);
    assert_eq!(dialled("192.0.2.1", "3000", &to), ["3000"]);
    assert!(dialled("192.0.2.1", "account", &to).is_empty());
}
