//! What the operator reads of the lines.

use crate::house::{House, NOW};
use axum::http::StatusCode;
use model::trunk::{Failure, Lines, Reach, Registration, RegistrationState, Strangers, TrunkState};

fn trunk(name: &str, state: Option<RegistrationState>, reach: Option<Reach>) -> TrunkState {
    TrunkState {
        name: name.to_owned(),
        peers: if state.is_none() { vec!["203.0.113.0/24".to_owned()] } else { Vec::new() },
        registration: state.map(|state| Registration { account: "claire@sip.exemple.fr".to_owned(), state }),
        reach,
        taken: 41,
        refused: 7,
        last_call: Some(NOW - 240_000),
    }
}

#[tokio::test]
async fn each_state_is_said_with_when_and_why() {
    let house = House::new().await;
    let page = house.get("/trunks", Some(&house.owner_cookie)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.has("Aucun raccordement n’est configuré") && page.has("Aucun raccordement</h2>"));

    let refused = Failure::Refused { status: 403, words: "No <b>".to_owned() };
    let failed = RegistrationState::Failed { at: NOW - 180_000, failure: refused, next_try: NOW + 300_000 };
    let registered = RegistrationState::Registered { since: NOW - 7_200_000, until: NOW + 590_000 };
    let silent = Reach::Silent { since: NOW - 60_000, failure: Failure::NoAnswer };
    *house.live.lines.lock().unwrap() = Lines {
        trunks: vec![
            trunk("good", Some(registered), Some(Reach::Answers { at: NOW - 9_000 })),
            trunk("bad", Some(failed), None),
            trunk("peer", None, Some(silent)),
        ],
        phones: 2,
        strangers: Strangers::Refused,
        other_refused: 1_873,
        last_refused: Some(NOW - 1_000),
        ..Lines::default()
    };
    let page = house.get("/trunks", Some(&house.owner_cookie)).await;
    for words in [
        "S’enregistre comme claire@sip.exemple.fr",
        "Depuis 2 h ; renouvelé avant 9 min.",
        "L’autre bout a répondu il y a 9 s.",
        "Il y a 3 min : la réponse a été « 403 No &lt;b&gt; ». Nouvel essai dans 5 min.",
        "Appels reçus de 203.0.113.0/24",
        "Depuis 60 s : aucune réponse n’est arrivée.",
        "2 téléphones peuvent appeler avec leur mot de passe.",
        "Les appels venus d’ailleurs sont refusés.",
        "1873",
        "Dernier refus il y a 1 s",
        "Dernier appel il y a 4 min",
    ] {
        assert!(page.has(words), "{words}\n{}", page.body);
    }
}

#[tokio::test]
async fn the_way_there_is_shown_to_the_operator_alone() {
    let house = House::new().await;
    let link = "href=\"/trunks\"";
    assert!(house.get("/rooms", Some(&house.owner_cookie)).await.has(link));
    assert!(!house.get("/rooms", Some(&house.other_cookie)).await.has(link));
    assert!(!house.get(&format!("/follow/{}", house.follow), Some(&house.owner_cookie)).await.has(link));
}
