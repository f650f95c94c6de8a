use super::super::tests::load;
use super::*;
use crate::config::{Config, ServeArgs};

fn callers(text: &str) -> CallersSettings {
    load(text, &ServeArgs::default()).map(|config: Config| config.callers).unwrap()
}

fn wrong(text: &str) -> String {
    let text = load(text, &ServeArgs::default()).unwrap_err().to_string();
    text.split_once("\n").map_or(text.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn a_peer_and_a_registering_trunk_are_read() {
    let settings = callers(
        "allow-guests = true\n\
         [[trunk]]\nname = \"carrier\"\npeers = [\"203.0.113.0/24\", \"2001:db8::1\", \"sip.example.net:5080\"]\n\
         country = \"+33\"\ntrust-identity = true\nkeep-alive-s = 0\n\
         [[trunk]]\nname = \"provider\"\nregistrar = \"sip.example.com\"\nuser = \"0033123\"\n\
         auth-user = \"id7\"\npassword = \"s3cret\"\nproxy = \"[2001:db8::2]:5070\"\ntransport = \"tls\"\n\
         country = \"1\"\nnational-prefix = \"1\"\ninternational-prefix = \"011\"\n\
         [[phone]]\nuser = \"alice\"\npassword = \"s3cret\"\n",
    );
    assert!(settings.allow_guests);
    let carrier = &settings.trunks[0];
    let peers: Vec<String> = carrier.peers.iter().map(Peer::to_string).collect();
    assert_eq!(peers, ["203.0.113.0/24", "[2001:db8::1]", "sip.example.net:5080"]);
    assert!(carrier.trust_identity && carrier.registration.is_none());
    assert_eq!(carrier.keep_alive_s, None);
    assert_eq!(carrier.rule.as_ref().unwrap().normalise("0328003000"), "+33328003000");
    let provider = &settings.trunks[1];
    let registration = provider.registration.as_ref().unwrap();
    assert_eq!((&*registration.user, registration.transport), ("0033123", Transport::Tls));
    assert_eq!(registration.auth_user.as_deref(), Some("id7"));
    assert_eq!(registration.proxy.as_ref().unwrap().to_string(), "[2001:db8::2]:5070");
    assert_eq!((registration.password.reveal(), provider.keep_alive_s), ("s3cret", Some(KEEP_ALIVE_S)));
    assert!(!provider.trust_identity);
    assert!(!format!("{settings:?}").contains("s3cret"), "a password does not belong in a log");
    assert_eq!(settings.phones[0].user, "alice");
    assert_eq!(settings.digests, [Algorithm::Sha256, Algorithm::Md5]);
    assert_eq!(callers("phone-digests = [\"md5\"]").digests, [Algorithm::Md5]);
}

#[test]
fn what_is_wrong_is_named_by_its_line() {
    let trunk = "http = \"127.0.0.1:3000\"\n\n[[trunk]]\nname = \"a\"\n";
    let registers = format!("{trunk}registrar = \"sip.example.com\"\nuser = \"u\"\n");
    let peer = format!("{trunk}peers = [\"192.0.2.1\"]\n");
    for (text, line, problem) in [
        (format!("{trunk}peers = [\n\"192.0.2.1\",\n\"192.0.2.0/33\"]"), 7, "\"192.0.2.0/33\" is neither"),
        (format!("{trunk}peers = [\"300.1.1.1\"]"), 5, "is neither an address"),
        (trunk.to_owned(), 3, "this trunk needs peers"),
        (registers.clone(), 3, "password or password-file is missing"),
        (format!("{registers}password = \"\""), 7, "the password is empty"),
        (format!("{registers}password = \"x\"\npassword-file = \"y\""), 8, "one is enough"),
        (format!("{registers}password-file = \"no-such-file\""), 7, "no-such-file cannot be read"),
        (format!("{trunk}registrar = \"sip.example.com\"\npassword = \"x\""), 3, "wants a user"),
        (format!("{trunk}registrar = \"a b\""), 5, "\"a b\" is not of the form HOST"),
        (format!("{peer}user = \"u\""), 6, "user goes with a registrar"),
        (format!("{peer}transport = \"udp\""), 6, "transport goes with a registrar"),
        (format!("{peer}country = \"FR\""), 6, "a country is its calling code"),
        (format!("{peer}national-prefix = \"0\""), 6, "needs its country"),
        (format!("{peer}country = \"33\"\nnational-prefix = \"x\""), 7, "a prefix has at most 4 digits"),
        (format!("{peer}country = \"33\"\ninternational-prefix = \"\""), 7, "cannot be empty"),
        (format!("{peer}keep-alive-s = 3"), 6, "from 5 to 3600 seconds: 3"),
        (format!("{peer}[[trunk]]\nname = \"a\"\npeers = [\"192.0.2.2\"]"), 7, "another trunk named \"a\""),
        (format!("{peer}[[trunk]]\nname = \"a b\"\npeers = [\"192.0.2.2\"]"), 7, "a trunk's name has"),
        ("[[phone]]\nuser = \"a@b\"\npassword = \"x\"".to_owned(), 2, "a user has"),
        ("phone-digests = []".to_owned(), 1, "needs one at least"),
        ("phone-digests = [\"sha1\"]".to_owned(), 1, "unknown variant `sha1`"),
        ("[[phone]]\nuser = \"a\"".to_owned(), 1, "password or password-file is missing"),
        (format!("{peer}trunc = 1"), 6, "unknown field `trunc`"),
        (format!("{registers}transport = \"sctp\""), 7, "unknown variant `sctp`"),
        (format!("{registers}password = \"x\"\nca-file = \"ca.pem\""), 8, "goes with transport = \"tls\""),
        (
            format!("{registers}password = \"x\"\ntransport = \"tls\"\nca-file = \"no-such-file\""),
            9,
            "no-such-file cannot be used",
        ),
        (format!("{peer}ca-file = \"ca.pem\""), 6, "ca-file goes with a registrar"),
    ] {
        let said = wrong(&text);
        assert!(said.starts_with(&format!("line {line}")) && said.contains(problem), "{text}\n{said}");
    }
}

#[test]
fn a_wrong_line_is_not_printed_for_it_may_hold_a_password() {
    let said = wrong("[[phone]]\nuser = \"a\"\npasword = \"hunter2hunter2\"\n");
    assert!(said.contains("unknown field `pasword`") && !said.contains("hunter2"), "{said}");
}

#[test]
fn hosts_are_what_dns_and_ip_allow() {
    for good in ["sip.example.com", "sip.example.com:5061", "192.0.2.1", "192.0.2.1:5060", "localhost", "::1"]
    {
        assert!(parse_host(good).is_some(), "{good}");
    }
    for bad in ["", ".", "a..b", "a b", "sip:a", "a:0", "a:99999", "192.0.2", "192.0.2.1/24", "[::1", "é.fr"]
    {
        assert_eq!(parse_host(bad), None, "{bad}");
    }
}
