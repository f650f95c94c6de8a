//! Forms, as a browser without script sends them: what is wrong stands at its field, and nothing typed is lost.

use crate::house::{House, NOW, PASSWORD};
use axum::http::StatusCode;
use model::{Language, PinAlert};
use store::Store;

const GENERAL: &str = "/rooms/0328003000/general";

#[tokio::test]
async fn logging_in_leads_where_one_wanted_to_go_and_out_again() {
    let house = House::new().await;
    let form =
        format!("login=claire%40exemple.fr&password={}&to=/rooms/3000/live", PASSWORD.replace(' ', "+"));
    let answer = house.post("/login", None, &form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/rooms/3000/live"));
    let cookie = answer.cookie().to_owned();
    assert_eq!(house.get("/rooms", Some(&cookie)).await.status, StatusCode::OK);

    let out = house.post("/logout", Some(&cookie), "").await;
    assert_eq!(
        (out.status, out.location(), out.cookie()),
        (StatusCode::SEE_OTHER, "/login", "conference_session=")
    );
    assert_eq!(house.get("/rooms", Some(&cookie)).await.location(), "/login?to=/rooms");
}

#[tokio::test]
async fn a_handle_logs_in_too_and_no_one_is_led_elsewhere() {
    let house = House::new().await;
    let form = format!("login={}&password={}&to=//evil.example", house.owner.nic, PASSWORD.replace(' ', "+"));
    assert_eq!(house.post("/login", None, &form).await.location(), "/rooms");
}

#[tokio::test]
async fn a_failed_login_keeps_what_was_typed_but_the_password() {
    let house = House::new().await;
    let answer =
        house.post("/login", None, "login=claire%40exemple.fr&password=wrong-secret&to=/rooms").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.has("ne vont pas ensemble") && answer.has("value=\"claire@exemple.fr\""));
    assert!(answer.has("name=\"to\" value=\"/rooms\"") && !answer.has("wrong-secret"));
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(house.post("/login", None, "login=&password=x").await.has("Indiquez votre adresse"));
    assert!(house.post("/login", None, "login=x").await.has("Indiquez votre mot de passe"));
}

#[tokio::test]
async fn the_set_up_link_makes_one_account() {
    let house = House { panel: empty(Store::in_memory().await.unwrap()).await, ..House::new().await };
    let token = house.panel.store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    for path in [format!("/setup/{token}"), format!("/setup?token={token}")] {
        assert!(house.get(&path, None).await.has("Créer le compte"), "{path}");
    }
    let path = format!("/setup/{token}");
    let wrong = house.post(&path, None, "email=nobody&password=short&again=other&language=en").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.has("nom@exemple.fr") && wrong.has("trop court") && wrong.has("value=\"nobody\""));
    assert!(!wrong.has("\"short\""));
    let differs = "email=a%40b.fr&password=long+enough+1&again=long+enough+2&language=en";
    assert!(house.post(&path, None, differs).await.has("Les deux mots de passe diffèrent"));

    let right = "email=a%40b.fr&password=long+enough+1&again=long+enough+1&language=en";
    assert_eq!(house.post(&path, None, right).await.location(), "/login?welcome");
    let account = house.panel.store.authenticate("a@b.fr", "long enough 1").await.unwrap().unwrap();
    assert_eq!(account.language, Language::En);
    assert_eq!(house.get(&path, None).await.status, StatusCode::NOT_FOUND);
    let again = house.post(&path, None, &right.replace("a%40b", "c%40d")).await;
    assert_eq!(house.get(again.location(), None).await.status, StatusCode::NOT_FOUND);
    assert!(house.panel.store.authenticate("c@d.fr", "long enough 1").await.unwrap().is_none());
}

async fn empty(store: Store) -> app::Panel {
    app::Panel { store, ..House::new().await.panel }
}

#[tokio::test]
async fn a_number_is_added_by_its_form_or_the_form_says_why_not() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let answer = house.post("/rooms", owner, "number=%2B33+1+87+65&description=Bureau").await;
    assert_eq!(answer.location(), "/rooms/+3318765/general");
    assert_eq!(house.get("/rooms/+3318765/general", owner).await.status, StatusCode::OK);
    assert!(house.get("/rooms", owner).await.has("2 numéros de conférence"));

    let refused = [
        ("number=alice&description=Bureau", "que des chiffres"),
        ("number=3&description=Bureau", "de 2 à 15"),
        ("number=%2B0328003000&description=Bureau", "déjà utilisé"),
        (&format!("number=3001&description=Bureau{}", "x".repeat(80)), "80 caractères"),
    ];
    for (form, words) in refused {
        let answer = house.post("/rooms", owner, form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(answer.body.replace('\u{a0}', " ").contains(words) && answer.has("value=\"Bureau"), "{form}");
    }
    assert_eq!(house.post("/rooms", None, "number=3001").await.location(), "/login?to=/rooms");
}

#[tokio::test]
async fn settings_are_saved_and_said_to_be() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let form =
        "version=1&description=Nouveau&language=en&pin=0&enter_muted=on&anonymous_rejection=on&chimes=on";
    let answer = house.post(GENERAL, owner, form).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/rooms/0328003000/general?saved")
    );
    let room = house.panel.store.dial(&house.room.number).await.unwrap().unwrap();
    assert_eq!((room.description.as_str(), room.settings.language), ("Nouveau", Language::En));
    assert!(room.settings.pin.is_none() && room.settings.enter_muted && room.settings.anonymous_rejection);
    assert!(room.settings.chimes);
    assert!(house.get(answer.location(), owner).await.has("Le prochain appel en tient compte"));
    // An unticked box is not sent.
    house.post(GENERAL, owner, "version=2&description=&language=fr&pin=12").await;
    let room = house.panel.store.dial(&house.room.number).await.unwrap().unwrap();
    assert!(!room.settings.enter_muted && !room.settings.anonymous_rejection && room.settings.pin.is_some());
    assert!(!room.settings.chimes);
}

#[tokio::test]
async fn the_control_pin_is_saved_and_never_the_same_as_the_pin() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let form = "version=1&description=&language=fr&pin=4711&control_pin=";
    let same = house.post(GENERAL, owner, &format!("{form}4711")).await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(same.has("différent du code PIN") && same.has("id=\"control_pin-error\""));
    assert!(house.post(GENERAL, owner, &format!("{form}08a")).await.has("que des chiffres"));
    assert_eq!(house.post(GENERAL, owner, &format!("{form}0815")).await.status, StatusCode::SEE_OTHER);
    let room = house.panel.store.dial(&house.room.number).await.unwrap().unwrap();
    assert_eq!(room.settings.control_pin, "0815".parse().ok());
    assert!(house.get(GENERAL, owner).await.has("value=\"0815\""));
    for public in [format!("/follow/{}", house.follow), format!("/control/{}", house.control)] {
        assert!(!house.get(&public, None).await.has("0815"), "{public}");
    }
}

#[tokio::test]
async fn many_wrong_pins_are_told_to_the_owner() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let pages = [GENERAL, "/rooms/0328003000/live"];
    for page in pages {
        assert!(!house.get(page, owner).await.has("codes PIN erronés"), "{page}");
    }
    *house.live.pin_alert.lock().unwrap() = Some(PinAlert { wrong: 12, callers: 3 });
    for page in pages {
        let text = "12 codes PIN erronés ont été saisis depuis une heure (numéros appelants\u{a0}: 3)";
        assert!(house.get(page, owner).await.has(text), "{page}");
    }
}

#[tokio::test]
async fn wrong_settings_come_back_as_typed() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let form = format!("version=1&description={}&language=xx&pin=12a4&enter_muted=on", "y".repeat(81));
    let answer = house.post(GENERAL, owner, &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in ["que des chiffres", "caractères au plus", "langue de la liste", "Rien n’est enregistré"]
    {
        assert!(answer.has(words), "{words}");
    }
    assert!(answer.has("value=\"12a4\"") && answer.has(&"y".repeat(81)) && answer.has("checked"));
    assert_eq!(house.panel.store.dial(&house.room.number).await.unwrap().unwrap(), house.room);
}

#[tokio::test]
async fn two_tabs_do_not_overwrite_each_other_unseen() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    house.post(GENERAL, owner, "version=1&description=Premier&language=fr&pin=1111").await;
    let second = "version=1&description=Second&language=fr&pin=2222";
    let answer = house.post(GENERAL, owner, second).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(
        answer.has("ont changé entre-temps")
            && answer.has("value=\"Second\"")
            && answer.has("value=\"2222\"")
    );
    assert!(answer.has("Premier") && answer.has("1111"), "what the other tab saved is shown beside it");
    assert!(answer.has("name=\"version\" value=\"2\""));
    assert_eq!(house.panel.store.dial(&house.room.number).await.unwrap().unwrap().description, "Premier");
    // Saving again is a choice now.
    let answer = house.post(GENERAL, owner, &second.replace("version=1", "version=2")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn addresses_are_shown_replaced_and_taken_away() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let page = house.get(GENERAL, owner).await;
    assert!(page.has(&format!("https://conf.exemple.fr/follow/{}", house.follow)));
    assert!(page.has(&format!("https://conf.exemple.fr/control/{}", house.control)));

    let addresses = "/rooms/0328003000/addresses";
    let answer = house.post(addresses, owner, "kind=control&change=renew").await;
    assert_eq!(answer.location(), "/rooms/0328003000/general#addresses");
    assert_eq!(house.get(&format!("/control/{}", house.control), None).await.status, StatusCode::NOT_FOUND);
    house.post(addresses, owner, "kind=follow&change=delete").await;
    assert_eq!(house.get(&format!("/follow/{}", house.follow), None).await.status, StatusCode::NOT_FOUND);
    assert!(house.get(GENERAL, owner).await.has("Aucune adresse"));
    assert!(house.post(addresses, owner, "kind=else&change=renew").await.status.is_client_error());
}
