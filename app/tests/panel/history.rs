//! The recordings of a room: who hears them, and who deletes them.

use crate::house::{House, NOW, request};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::RANGE;
use model::{ConferenceId, RecordingEnd, RecordingId, RoomId};
use store::{NewRecording, RecordedSound};

const PAGE: &str = "/rooms/0328003000/history";

/// The `n`th recording of a room.
async fn recording(house: &House, room: RoomId, n: u8, end: Option<RecordingEnd>) -> RecordingId {
    let text = format!("018f0000-0000-7000-8000-0000000000{n:02}");
    let id: RecordingId = text.parse().unwrap();
    let conference: ConferenceId = text.parse().unwrap();
    let began = NOW - 7_200_000 + u64::from(n);
    let new = NewRecording { id, room, conference, since: began, began };
    house.panel.store.recording_began(&new).await.unwrap();
    if let Some(end) = end {
        let sound = RecordedSound { length_ms: 65_000, bytes: 195_000, gaps_ms: 0 };
        house.panel.store.recording_ended(id, end, sound).await.unwrap();
    }
    id
}

fn path(id: RecordingId) -> String {
    format!("/rooms/0328003000/recordings/{id}")
}

#[tokio::test]
async fn the_page_lists_them_and_says_what_is_missing() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let page = house.get(PAGE, owner).await;
    assert!(page.has("Aucun enregistrement") && page.has("est désactivée"));
    let whole = recording(&house, house.room.id, 1, Some(RecordingEnd::ConferenceOver)).await;
    let cut = recording(&house, house.room.id, 2, Some(RecordingEnd::Crash)).await;
    let running = recording(&house, house.room.id, 3, None).await;
    let page = house.get(PAGE, owner).await;
    let text = page.body.replace('\u{a0}', " ");
    for id in [whole, cut, running] {
        assert!(page.has(&format!("data-recording=\"{id}\"")));
    }
    assert_eq!(page.body.matches("<audio").count(), 2);
    assert!(text.contains("1 min 05 s · 191 Ko") && text.contains("interrompu par un arrêt du serveur"));
    assert!(text.contains("En cours") && text.contains("au bout de 30 j"));
    assert!(!text.contains("disque du serveur est presque plein"));
}

#[tokio::test]
async fn a_full_disk_is_said_where_recordings_are_wanted() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    *house.live.space_low.lock().unwrap() = true;
    let pages = ["general", "live", "history"].map(|page| format!("/rooms/0328003000/{page}"));
    for (wanted, version) in [(false, 1), (true, 2)] {
        for page in &pages {
            let page = house.get(page, owner).await;
            assert_eq!(page.has("disque du serveur est presque plein"), wanted);
        }
        let form = format!("version={version}&language=fr&pin=&recording=on");
        house.post("/rooms/0328003000/general", owner, &form).await;
    }
}

#[tokio::test]
async fn they_are_heard_in_parts_and_downloaded_whole() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let id = recording(&house, house.room.id, 1, Some(RecordingEnd::ConferenceOver)).await;
    let whole = house.get(&path(id), owner).await;
    assert_eq!((whole.status, whole.header("content-type")), (StatusCode::OK, "audio/ogg"));
    assert!(whole.has("[package]") && whole.header("content-disposition").is_empty());
    let part = request("GET", &path(id), owner).header(RANGE, "bytes=1-7");
    let part = house.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "package"));
    let kept = house.get(&format!("{}?download=1", path(id)), owner).await;
    let name = kept.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"0328003000-20") && name.ends_with(".ogg\""), "{name}");
    let running = recording(&house, house.room.id, 2, None).await;
    for other in [path(running), "/rooms/0328003000/recordings/../x".into(), path(id).replace("01", "99")] {
        assert_eq!(house.get(&other, owner).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}

#[tokio::test]
async fn they_are_the_owners_alone() {
    let house = House::new().await;
    let id = recording(&house, house.room.id, 1, Some(RecordingEnd::ConferenceOver)).await;
    for cookie in [None, Some(house.other_cookie.as_str()), Some("conference_session=0123456789")] {
        assert_eq!(house.get(&path(id), cookie).await.status, StatusCode::NOT_FOUND);
        house.post(&format!("{}/delete", path(id)), cookie, "").await;
        assert!(!house.get(PAGE, cookie).await.has("data-recording"));
    }
    assert!(house.live.removed.lock().unwrap().is_empty());
    let foreign = request("POST", &format!("{}/delete", path(id)), Some(&house.owner_cookie));
    let foreign = foreign.header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
    assert_eq!(house.send(foreign).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_deleted_one_is_gone_and_one_that_runs_stays() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let id = recording(&house, house.room.id, 1, Some(RecordingEnd::ConferenceOver)).await;
    let running = recording(&house, house.room.id, 2, None).await;
    let answer = house.post(&format!("{}/delete", path(id)), owner, "").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*format!("{PAGE}?removed")));
    let page = house.get(answer.location(), owner).await;
    assert!(page.has("L’enregistrement est supprimé") && !page.has(&id.to_string()));
    let answer = house.post(&format!("{}/delete", path(running)), owner, "").await;
    assert_eq!(answer.location(), PAGE);
    assert_eq!(*house.live.removed.lock().unwrap(), [id]);
    let audited = house.panel.store.audit_rows(house.room.id, 10).await.unwrap();
    assert!(audited.len() == 1 && audited[0].what == "removeRecording");
}
