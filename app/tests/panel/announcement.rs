//! The announcement page and its forms.

use crate::house::{Answer, House, NOW, request};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE, RANGE};
use model::limits::{ANNOUNCEMENT_BYTES, UPLOAD_BODY_BYTES};
use model::{FileName, UploadProblem};
use store::NewAnnouncement;

const PAGE: &str = "/rooms/0328003000/announcement";

/// A form with one file, as a browser sends it.
async fn upload(house: &House, cookie: Option<&str>, accept: &str, name: &str, bytes: usize) -> Answer {
    let mut body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: audio/mpeg\r\n\r\n"
    )
    .into_bytes();
    body.resize(body.len() + bytes, b'x');
    body.extend(b"\r\n--edge--\r\n");
    let request = request("POST", PAGE, cookie)
        .header(CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .header(ACCEPT, accept);
    house.send(request.body(Body::from(body)).unwrap()).await
}

async fn with_announcement(house: &House) {
    let store = &house.panel.store;
    let owner = store.room_for_owner(&house.owner, &house.room.number).await.unwrap().unwrap();
    let id = store.new_announcement_id(NOW).unwrap();
    let name = FileName::of("accueil-2026.mp3");
    let new = NewAnnouncement { id, name, length_ms: 13_200, bytes: 224 * 1_024, wave: vec![255; 60] };
    store.set_announcement(&owner, NOW - 300_000, &new).await.unwrap();
}

#[tokio::test]
async fn a_file_is_taken_by_form_and_by_script() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let answer = upload(&house, owner, "text/html", "C:\\été.mp3", 1_000).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*format!("{PAGE}?saved")));
    assert!(house.get(answer.location(), owner).await.has("L’annonce est enregistrée"));
    let answer = upload(&house, owner, "text/plain", "b.wav", ANNOUNCEMENT_BYTES).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let noted = house.live.uploads.lock().unwrap().clone();
    assert_eq!(noted, [("été.mp3".to_owned(), 1_000), ("b.wav".to_owned(), ANNOUNCEMENT_BYTES)]);
    let audited = house.panel.store.audit_rows(house.room.id, 10).await.unwrap();
    assert!(audited.iter().all(|row| row.what == "uploadAnnouncement") && audited.len() == 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_in_the_readers_language() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    for (problem, words) in [
        (UploadProblem::NotSound, "Ce n’est pas un fichier audio"),
        (UploadProblem::TooLong, "trop long"),
        (UploadProblem::Damaged, "abîmé ou incomplet"),
        (UploadProblem::Silent, "On n’entend rien"),
        (UploadProblem::Slow, "prend trop de temps"),
        (UploadProblem::Busy, "Réessayez dans un instant"),
        (UploadProblem::Failed, "n’a pas pu enregistrer"),
    ] {
        *house.live.upload_problem.lock().unwrap() = Some(problem);
        let page = upload(&house, owner, "text/html", "a.mp3", 10).await;
        assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.has(words) && page.has("<form"));
        let plain = upload(&house, owner, "text/plain", "a.mp3", 10).await;
        assert!(plain.status == StatusCode::UNPROCESSABLE_ENTITY && plain.has(words) && !plain.has("<"));
    }
}

#[tokio::test]
async fn too_big_missing_and_too_many_are_told_apart() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    for bytes in [ANNOUNCEMENT_BYTES + 1, UPLOAD_BODY_BYTES + 1] {
        let answer = upload(&house, owner, "text/plain", "a.mp3", bytes).await;
        assert!(answer.has("trop gros"), "{bytes}: {} {}", answer.status, answer.body);
    }
    assert!(upload(&house, owner, "text/plain", "", 0).await.has("Aucun fichier"));
    *house.live.receiving.lock().unwrap() = true;
    assert!(upload(&house, owner, "text/plain", "a.mp3", 10).await.has("Réessayez"));
    assert!(house.live.uploads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn it_is_the_owners_alone() {
    let house = House::new().await;
    with_announcement(&house).await;
    for cookie in [None, Some(house.other_cookie.as_str())] {
        upload(&house, cookie, "text/plain", "a.mp3", 10).await;
        house.post(&format!("{PAGE}/remove"), cookie, "").await;
        house.post(&format!("{PAGE}/option"), cookie, "on=true").await;
        assert_eq!(house.get(&format!("{PAGE}/sound"), cookie).await.status, StatusCode::NOT_FOUND);
        assert!(!house.get(PAGE, cookie).await.has("accueil-2026"));
    }
    assert!(house.live.uploads.lock().unwrap().is_empty());
    assert!(house.panel.store.announcement(house.room.id).await.unwrap().is_some());
    assert_eq!(house.panel.store.dial(&house.room.number).await.unwrap().unwrap(), house.room);
    let foreign = request("POST", PAGE, Some(&house.owner_cookie)).header("sec-fetch-site", "cross-site");
    assert_eq!(house.send(foreign.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_page_shows_what_there_is_and_whether_it_is_heard() {
    let house = House::new().await;
    let owner = Some(house.owner_cookie.as_str());
    let page = house.get(PAGE, owner).await;
    assert!(page.has("Aucune annonce") && page.has("désactivée.") && !page.has("/announcement/sound"));
    with_announcement(&house).await;
    let page = house.get(PAGE, owner).await;
    let text = page.body.replace('\u{a0}', " ");
    assert!(text.contains("accueil-2026.mp3") && text.contains("14 s · 224 Ko · déposé il y a 5 min"));
    assert!(page.has("personne n’entend ce fichier") && page.has("/announcement/sound"));
    let answer = house.post(&format!("{PAGE}/option"), owner, "on=true").await;
    assert_eq!(answer.location(), PAGE);
    assert!(house.get(PAGE, owner).await.has("la prochaine personne qui appelle entendra ce fichier"));
    assert!(house.panel.store.dial(&house.room.number).await.unwrap().unwrap().settings.announce_file);

    let answer = house.post(&format!("{PAGE}/remove"), owner, "").await;
    assert!(house.get(answer.location(), owner).await.has("L’annonce est retirée"));
    assert!(house.get(PAGE, owner).await.has("mais il n’y a pas encore de fichier"));
}

#[tokio::test]
async fn the_sound_is_served_in_parts_too() {
    let house = House::new().await;
    with_announcement(&house).await;
    let path = format!("{PAGE}/sound");
    let whole = house.get(&path, Some(&house.owner_cookie)).await;
    assert_eq!((whole.status, whole.header("content-type")), (StatusCode::OK, "audio/ogg"));
    assert!(whole.has("[package]"));
    let part = request("GET", &path, Some(&house.owner_cookie)).header(RANGE, "bytes=1-7");
    let part = house.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "package"));
}
