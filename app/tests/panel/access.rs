//! Who sees what: every page as everybody.

use crate::house::{House, request};
use axum::body::Body;
use axum::http::StatusCode;

/// What an answer is to be.
#[derive(Clone, Copy, Debug)]
enum Is {
    /// The page, and it says this.
    Page(&'static str),
    /// Sent on to there.
    To(&'static str),
    Gone,
}

#[tokio::test]
async fn every_page_as_nobody_the_owner_and_another_account() {
    use Is::{Gone, Page, To};
    let house = House::new().await;
    let (follow, control) = (format!("/follow/{}", house.follow), format!("/control/{}", house.control));
    let crossed = (format!("/control/{}", house.follow), format!("/follow/{}", house.control));
    let table: [(&str, Is, Is, Is); 20] = [
        // path, nobody, owner, another account
        ("/", To("/login"), To("/rooms"), To("/rooms")),
        ("/login", Page("Se connecter"), To("/rooms"), To("/rooms")),
        ("/setup", Gone, Gone, Gone),
        ("/setup/x", Gone, Gone, Gone),
        ("/rooms", To("/login?to=/rooms"), Page("03 28 00 30 00"), Page("Aucun numéro")),
        (
            "/rooms/0328003000",
            To("/rooms/0328003000/general"),
            To("/rooms/0328003000/general"),
            To("/rooms/0328003000/general"),
        ),
        ("/rooms/0328003000/general", To("/login?to=/rooms/0328003000/general"), Page("4711"), Gone),
        ("/rooms/0328003000/live", To("/login?to=/rooms/0328003000/live"), Page("data-members"), Gone),
        (
            "/rooms/0328003000/history",
            To("/login?to=/rooms/0328003000/history"),
            Page("Aucun enregistrement"),
            Gone,
        ),
        ("/rooms/3000/history", To("/login?to=/rooms/3000/history"), Gone, Gone),
        ("/rooms/0328003000/nothing", Gone, Gone, Gone),
        ("/rooms/3000/general", To("/login?to=/rooms/3000/general"), Gone, Gone),
        ("/rooms/alice/live", To("/login?to=/rooms/alice/live"), Gone, Gone),
        ("/trunks", To("/login?to=/trunks"), Page("Raccordements"), Gone),
        (&follow, Page("data-members"), Page("data-members"), Page("data-members")),
        (&control, Page("data-members"), Page("data-members"), Page("data-members")),
        (&crossed.0, Gone, Gone, Gone),
        (&crossed.1, Gone, Gone, Gone),
        ("/follow/x", Gone, Gone, Gone),
        ("/nowhere", Gone, Gone, Gone),
    ];
    for (path, nobody, owner, other) in table {
        let as_whom = [
            ("nobody", None, nobody),
            ("owner", Some(house.owner_cookie.as_str()), owner),
            ("other", Some(house.other_cookie.as_str()), other),
            ("a forged session", Some("conference_session=0123456789"), nobody),
        ];
        for (who, cookie, is) in as_whom {
            let answer = house.get(path, cookie).await;
            let right = match is {
                Page(text) => answer.status == StatusCode::OK && answer.has(text),
                To(place) => answer.status == StatusCode::SEE_OTHER && answer.location() == place,
                Gone => answer.status == StatusCode::NOT_FOUND && !answer.has("03 28 00 30 00"),
            };
            assert!(right, "{path} as {who}: {is:?}, but it is {} {}", answer.status, answer.location());
        }
    }
}

#[tokio::test]
async fn only_the_owner_changes_a_room() {
    let house = House::new().await;
    let forms = [
        ("/rooms/0328003000/general", "version=1&description=taken&language=en&pin="),
        ("/rooms/0328003000/addresses", "kind=control&change=renew"),
        ("/rooms/0328003000/addresses", "kind=follow&change=delete"),
    ];
    for (path, form) in forms {
        for cookie in [None, Some(house.other_cookie.as_str())] {
            let answer = house.post(path, cookie, form).await;
            assert_ne!(answer.status, StatusCode::OK, "{path}");
        }
    }
    let room = house.panel.store.dial(&house.room.number).await.unwrap().unwrap();
    assert_eq!(room, house.room);
    let addresses = house.panel.store.addresses(room.id).await.unwrap();
    assert_eq!(addresses.control.as_deref(), Some(house.control.as_str()));
    assert_eq!(addresses.follow.as_deref(), Some(house.follow.as_str()));
}

#[tokio::test]
async fn every_answer_guards_itself() {
    let house = House::new().await;
    for path in ["/login", "/nowhere", "/", &format!("/control/{}", house.control)] {
        let answer = house.get(path, None).await;
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(answer.header("permissions-policy").contains("microphone=()"), "{path}");
    }
    // The one page that records.
    let records = house.get("/rooms/0328003000/announcement", Some(&house.owner_cookie)).await;
    assert!(records.header("permissions-policy").contains("microphone=(self)"));
    assert!(records.header("content-security-policy").ends_with("media-src 'self' blob:"));
    let general = house.get("/rooms/0328003000/general", Some(&house.owner_cookie)).await;
    assert!(!general.header("content-security-policy").contains("blob:"));
    let page = house.get("/login", None).await;
    let policy = page.header("content-security-policy");
    let (_, nonce) = policy.split_once("'nonce-").unwrap();
    let (nonce, _) = nonce.split_once('\'').unwrap();
    assert!(page.has(&format!("nonce=\"{nonce}\"")));
    assert_eq!(
        page.body.matches("<script").count(),
        page.body.matches(&format!("nonce=\"{nonce}\"")).count()
    );
    assert!(!page.has(" style="), "the policy forbids styles in the text");
}

#[tokio::test]
async fn another_site_cannot_post_in_somebodys_name() {
    let house = House::new().await;
    let forged = request("POST", "/logout", Some(&house.owner_cookie)).header("sec-fetch-site", "cross-site");
    let answer = house.send(forged.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(house.get("/rooms", Some(&house.owner_cookie)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_speak_the_accounts_language_then_the_browsers() {
    let house = House::new().await;
    let english = request("GET", "/login", None).header("accept-language", "en-GB,en;q=0.9");
    let answer = house.send(english.body(Body::empty()).unwrap()).await;
    assert!(answer.has("<html lang=\"en\"") && answer.has("E-mail address or account name"));
    let owner = request("GET", "/rooms", Some(&house.owner_cookie)).header("accept-language", "en");
    let answer = house.send(owner.body(Body::empty()).unwrap()).await;
    assert!(answer.has("<html lang=\"fr\"") && answer.has("Mes numéros"));
    assert_eq!(house.owner.language, model::Language::Fr);
}

#[tokio::test]
async fn who_has_no_account_chooses_a_language_at_the_foot_of_the_page() {
    let house = House::new().await;
    let page = format!("/follow/{}", house.follow);
    assert!(house.get(&page, None).await.has(&format!("name=\"to\" value=\"{page}\"")));
    for (code, title) in [("de", "Anmelden"), ("es", "Iniciar sesión"), ("it", "Accesso"), ("ru", "Вход")]
    {
        let answer = house.post("/language", None, &format!("language={code}&to={page}")).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, page.as_str()));
        let cookie = answer.cookie().to_owned();
        assert_eq!(cookie, format!("conference_language={code}"));
        let login = house.get("/login", Some(&cookie)).await;
        assert!(login.has(&format!("<html lang=\"{code}\"")) && login.has(title), "{code}");
        // An account knows better.
        let both = format!("{cookie}; {}", house.owner_cookie);
        assert!(house.get("/rooms", Some(&both)).await.has("<html lang=\"fr\""), "{code}");
    }
    assert!(!house.get("/rooms", Some(&house.owner_cookie)).await.has("/language"));
    assert_eq!(house.post("/language", None, "language=de&to=//evil.example").await.location(), "/");
    assert_eq!(house.post("/language", None, "language=xx").await.status, StatusCode::BAD_REQUEST);
}
