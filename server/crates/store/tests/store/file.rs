//! One file, several processes: to SQLite, two stores in one process are the same as two processes.

use crate::{NOW, newcomer, number};
use model::RoomSettings;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use store::{Store, StoreError};
use tokio::task::JoinSet;

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(path.to_str().unwrap()).await.unwrap()
}

async fn schema(path: &Path) -> Vec<String> {
    let query =
        sqlx::query_scalar("SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name");
    query.fetch_all(&mut raw(path).await).await.unwrap()
}

#[tokio::test]
async fn is_made_with_its_folders_and_opened_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/conference.db");
    let store = Store::open(&path).await.unwrap();
    let account = store.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    store.close().await;
    let before = schema(&path).await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.account(account.id).await.unwrap(), Some(account));
    assert_eq!(schema(&path).await, before);
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    let files =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../migrations")).unwrap().count();
    assert_eq!(applied, i64::try_from(files).unwrap());
}

#[tokio::test]
async fn is_durable_and_lets_readers_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conference.db");
    let _store = Store::open(&path).await.unwrap();
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut raw(&path).await).await.unwrap();
    assert_eq!(mode, "wal");
}

#[cfg(unix)]
#[tokio::test]
async fn is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = Store::open(&data.join("conference.db")).await.unwrap();
    store.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    store.backup(&data.join("backup.db")).await.unwrap();
    assert_eq!(mode(&data), 0o700);
    let mut names: Vec<_> = std::fs::read_dir(&data).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["backup.db", "conference.db", "conference.db-shm", "conference.db-wal"]);
    for name in names {
        assert_eq!(mode(&data.join(&name)), 0o600, "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn may_be_made_by_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let path = folder.path().join(format!("{round}.db"));
        let mut opening = JoinSet::new();
        for _ in 0..8 {
            let path = path.clone();
            opening.spawn(async move { Store::open(&path).await });
        }
        for opened in opening.join_all().await {
            assert!(!opened.unwrap().has_accounts().await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_change_by_hand_beside_a_running_server_is_obeyed_by_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conference.db");
    let server = Store::open(&path).await.unwrap();
    let account = server.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    assert_eq!(server.dial(&number("3000")).await.unwrap(), None);

    let hand = Store::open(&path).await.unwrap();
    let made = hand.add_number(NOW, number("3000"), account.id, "", RoomSettings::default()).await.unwrap();
    assert_eq!(server.dial(&number("3000")).await.unwrap(), Some(made));
    let set = hand.set_number(&number("3000"), |room| room.settings.enter_muted = true).await.unwrap();
    hand.close().await;
    assert_eq!(server.dial(&number("3000")).await.unwrap(), set);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_save_of_many_at_once_is_lost_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conference.db");
    let one = Store::open(&path).await.unwrap();
    let two = Store::open(&path).await.unwrap();
    let account = one.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    one.add_number(NOW, number("3000"), account.id, "", RoomSettings::default()).await.unwrap();
    let mut saving = JoinSet::new();
    for store in [&one, &one, &two, &two] {
        let store = store.clone();
        saving.spawn(async move {
            for _ in 0..10 {
                let append = |room: &mut store::Room| room.description.push('x');
                store.set_number(&number("3000"), append).await.unwrap().unwrap();
                assert!(store.dial(&number("3000")).await.unwrap().is_some());
            }
        });
    }
    saving.join_all().await;
    let room = two.dial(&number("3000")).await.unwrap().unwrap();
    assert_eq!((room.description, room.version), ("x".repeat(40), 41));
}

#[tokio::test]
async fn of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conference.db");
    Store::open(&path).await.unwrap().close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut raw(&path).await)
    .await
    .unwrap();
    let error = Store::open(&path).await.err().unwrap();
    assert!(matches!(error, StoreError::Newer), "{error}");
}

#[tokio::test]
async fn that_is_no_database_or_no_place_for_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
    let error = Store::open(&text).await.err().unwrap();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    let error = Store::open(&text.join("conference.db")).await.err().unwrap();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("not a database"));
}

#[tokio::test]
async fn a_backup_holds_all_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("conference.db")).await.unwrap();
    let account = store.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    let room = store.add_number(NOW, number("3000"), account.id, "", RoomSettings::default()).await.unwrap();
    let file = folder.path().join("it's a backup.db");
    store.backup(&file).await.unwrap();

    store.set_number(&room.number, |room| room.settings.enter_muted = true).await.unwrap();
    let error = store.backup(&file).await.unwrap_err();
    assert!(matches!(error, StoreError::BackupExists(_)), "{error}");

    let copy = Store::open(&file).await.unwrap();
    assert_eq!(copy.dial(&room.number).await.unwrap(), Some(room.clone()));
    assert_eq!(copy.addresses(room.id).await.unwrap(), store.addresses(room.id).await.unwrap());

    let nowhere = folder.path().join("missing/backup.db");
    let error = store.backup(&nowhere).await.unwrap_err();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
}
