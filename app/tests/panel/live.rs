//! The live pages: what stands in them before any script runs, and who may act.

use crate::house::{House, request};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use model::{Action, MemberId, Refusal};
use store::Actor;

fn follow(house: &House) -> String {
    format!("/follow/{}", house.follow)
}

fn control(house: &House) -> String {
    format!("/control/{}", house.control)
}

/// What the page's script sends.
async fn order(house: &House, cookie: Option<&str>, door: &str, action: &str) -> (StatusCode, String) {
    let body = format!(r#"{{"door":{door},"action":{action}}}"#);
    let request = request("POST", "/panel/act", cookie).header(CONTENT_TYPE, "application/json");
    let answer = house.send(request.body(Body::from(body)).unwrap()).await;
    (answer.status, answer.body)
}

const MUTE: &str = r#"{"action":"mute","member":7}"#;

/// The opening tag of a member's row.
fn row(body: &str, id: u64) -> &str {
    let at = body.find(&format!("data-member=\"{id}\"")).expect("the member has a row");
    let (start, end) = (body[..at].rfind('<').unwrap(), at + body[at..].find('>').unwrap());
    &body[start..end]
}

#[tokio::test]
async fn the_state_stands_in_the_page() {
    let house = House::new().await;
    house.fill();
    for path in [follow(&house), control(&house)] {
        let page = house.get(&path, None).await;
        assert_eq!(page.body.matches("data-members").count(), 1);
        let (first, second) = (row(&page.body, 7), row(&page.body, 8));
        assert!(first.contains("data-talking=\"true\"") && first.contains("data-muted=\"false\""), "{first}");
        assert!(
            second.contains("data-talking=\"false\"") && second.contains("data-muted=\"true\""),
            "{second}"
        );
        assert!(first.contains("data-deaf=\"false\""));
        for words in
            ["06 12 34 56 78", "Numéro masqué", "01:05", "2 en ligne · 01:10", "data-live=\"connecting\""]
        {
            assert!(page.has(words), "{words}");
        }
    }
}

#[tokio::test]
async fn an_empty_room_says_how_to_fill_it() {
    let house = House::new().await;
    let page = house.get(&follow(&house), None).await;
    assert!(page.has("sip:0328003000@conf.exemple.fr:5060") && page.has("Appelez le 03 28 00 30 00"));
    assert!(page.has("data-members") && !page.has("data-member=\""));
}

#[tokio::test]
async fn buttons_are_for_who_may_press_them() {
    let house = House::new().await;
    house.fill();
    assert!(!house.get(&follow(&house), None).await.has("data-action"));
    let page = house.get(&control(&house), None).await;
    for action in ["mute", "unmute", "deafen", "expel", "lock"] {
        assert!(page.has(&format!("data-action=\"{action}\"")), "{action}");
    }
}

#[tokio::test]
async fn a_control_page_acts_and_a_row_is_kept() {
    let house = House::new().await;
    house.fill();
    let door = format!(r#"{{"control":"{}"}}"#, house.control);
    let (status, body) = order(&house, None, &door, MUTE).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(house.acts(), [(house.room.id, Action::Mute(MemberId(7)))]);
    let rows = house.panel.store.audit_rows(house.room.id, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].actor, rows[0].what.as_str()), (Actor::ControlAddress, "mute"));
    assert_eq!((rows[0].member, rows[0].caller.as_deref()), (Some(MemberId(7)), Some("0612345678")));
}

#[tokio::test]
async fn the_owner_acts_by_the_session() {
    let house = House::new().await;
    house.fill();
    let (status, _) = order(&house, Some(&house.owner_cookie), r#"{"owner":"0328003000"}"#, MUTE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(house.acts().len(), 1);
    let rows = house.panel.store.audit_rows(house.room.id, 10).await.unwrap();
    assert_eq!(rows[0].actor, Actor::Account(house.owner.id));
}

#[tokio::test]
async fn nobody_else_acts() {
    let house = House::new().await;
    house.fill();
    let doors = [
        (None, format!(r#"{{"follow":"{}"}}"#, house.follow)),
        (None, format!(r#"{{"follow":"{}"}}"#, house.control)),
        (None, format!(r#"{{"control":"{}"}}"#, house.follow)),
        (None, r#"{"control":""}"#.to_owned()),
        (None, r#"{"owner":"0328003000"}"#.to_owned()),
        (Some(house.other_cookie.as_str()), r#"{"owner":"0328003000"}"#.to_owned()),
        (Some("conference_session=forged"), r#"{"owner":"0328003000"}"#.to_owned()),
    ];
    for (cookie, door) in doors {
        let (status, body) = order(&house, cookie, &door, MUTE).await;
        assert!(!status.is_success() && body.contains("NotAllowed"), "{door}: {status} {body}");
    }
    let form = house.post(&follow(&house), None, "action=mute&member=7").await;
    assert!(form.status.is_client_error());
    let form = house.post(&format!("/control/{}", house.follow), None, "action=mute&member=7").await;
    assert!(form.status.is_client_error());
    assert!(house.acts().is_empty());
}

#[tokio::test]
async fn plain_forms_act_and_come_back() {
    let house = House::new().await;
    house.fill();
    let answer = house.post(&control(&house), None, "action=expel&member=8").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, control(&house).as_str()));
    let live = "/rooms/0328003000/live";
    let answer = house.post(live, Some(&house.owner_cookie), "action=lock").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, live));
    let room = house.room.id;
    assert_eq!(house.acts(), [(room, Action::Expel(MemberId(8))), (room, Action::Lock)]);
}

#[tokio::test]
async fn a_refused_order_says_why() {
    let house = House::new().await;
    house.fill();
    let refusals = [
        (Refusal::NoMember, "Cette personne a déjà raccroché."),
        (Refusal::NoConference, "plus personne en ligne"),
        (Refusal::Busy, "très occupé"),
    ];
    for (refusal, words) in refusals {
        *house.live.refusal.lock().unwrap() = Some(refusal);
        let answer = house.post(&control(&house), None, "action=mute&member=7").await;
        assert!(answer.status == StatusCode::CONFLICT && answer.has(words), "{refusal:?}");
        assert!(answer.has("data-members"));
    }
    let rows = house.panel.store.audit_rows(house.room.id, 10).await.unwrap();
    assert!(rows.is_empty(), "what is not done is not noted");
}
