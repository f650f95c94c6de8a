//! `conference backup`: a copy of the database as of one moment, and of the sounds that it names, while calls go on.

use anyhow::{Context, bail};
use clap::Args;
use model::AnnouncementId;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use store::Store;

#[derive(Args)]
pub(crate) struct BackupCommand {
    /// The file to write; it must not exist yet, nor FILE.announcements, the folder of the sounds
    file: PathBuf,
}

impl BackupCommand {
    /// `sounds`: the folder of the server's announcements.
    pub(crate) async fn run(self, store: &Store, sounds: &Path) -> anyhow::Result<()> {
        let folder = folder_of(&self.file);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
        let copied = copy(store, &self.file, sounds, &folder).await;
        if copied.is_err() {
            // The reason is in `copied`; a second failure would say nothing more.
            let _ = fs::remove_dir_all(&folder);
        }
        let missing = copied?;
        println!("the database is copied to {}", self.file.display());
        println!("announcements are copied to {}", folder.display());
        if missing > 0 {
            println!("{missing} announcements had no file: those rooms are called without theirs");
        }
        Ok(())
    }
}

/// `conference.db.announcements`, beside the copy of the database.
fn folder_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".announcements");
    PathBuf::from(name)
}

/// Returns how many sounds were not there.
async fn copy(store: &Store, file: &Path, sounds: &Path, folder: &Path) -> anyhow::Result<usize> {
    // The server removes a sound once another has its place: so those of now come first, and the few after them.
    copy_sounds(&store.announcement_ids().await?, sounds, folder)?;
    store.backup(file).await?;
    let named = match store::announcements_in_backup(file).await {
        Ok(named) => named,
        Err(error) => {
            let _ = fs::remove_file(file);
            return Err(error.into());
        }
    };
    let missing = copy_sounds(&named, sounds, folder)?;
    keep_only(&named, folder)?;
    File::open(folder)?.sync_all()?;
    let now = store.announcement_ids().await?;
    if missing.iter().any(|id| !now.contains(id)) {
        let _ = fs::remove_file(file);
        bail!("announcements were replaced meanwhile; please try again");
    }
    Ok(missing.len())
}

fn name(id: AnnouncementId) -> String {
    format!("{id}.ogg")
}

/// Copies those that are not in `folder` yet; returns those that are nowhere.
fn copy_sounds(ids: &[AnnouncementId], sounds: &Path, folder: &Path) -> anyhow::Result<Vec<AnnouncementId>> {
    let mut missing = Vec::new();
    for id in ids {
        let (from, to) = (sounds.join(name(*id)), folder.join(name(*id)));
        if to.exists() {
            continue;
        }
        match copy_one(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(*id),
            Err(error) => return Err(error).with_context(|| format!("copying {}", from.display())),
        }
    }
    Ok(missing)
}

fn copy_one(from: &Path, to: &Path) -> io::Result<()> {
    let mut sound = File::open(from)?;
    let mut copy = File::create_new(to)?;
    io::copy(&mut sound, &mut copy)?;
    copy.sync_all()
}

/// What was replaced before the database was copied is not part of it.
fn keep_only(named: &[AnnouncementId], folder: &Path) -> io::Result<()> {
    let named: Vec<_> = named.iter().map(|id| name(*id)).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !named.iter().any(|name| entry.file_name() == name.as_str()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{FileName, Language, RoomSettings};
    use store::{NewAccount, NewAnnouncement};

    struct Place {
        store: Store,
        folder: tempfile::TempDir,
        sounds: PathBuf,
    }

    impl Place {
        /// Two rooms, each with its announcement; the sound of the second one is lost.
        async fn new() -> (Place, [AnnouncementId; 2]) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("data/conference.db")).await.unwrap();
            let sounds = folder.path().join("data/announcements");
            fs::create_dir(&sounds).unwrap();
            let new = NewAccount {
                nic: None,
                email: "a@b".parse().unwrap(),
                password: "correct horse".parse().unwrap(),
                language: Language::Fr,
            };
            let account = store.create_account(1, new).await.unwrap();
            let mut ids = Vec::new();
            for number in ["3000", "3001"] {
                let number = number.parse().unwrap();
                let room =
                    store.add_number(1, number, account.id, "", RoomSettings::default()).await.unwrap();
                let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
                let id = store.new_announcement_id(1).unwrap();
                let name = FileName::of("a.wav");
                let new = NewAnnouncement { id, name, length_ms: 1, bytes: 1, wave: Vec::new() };
                store.set_announcement(&owner, 1, &new).await.unwrap();
                ids.push(id);
            }
            fs::write(sounds.join(name(ids[0])), b"sound").unwrap();
            (Place { store, folder, sounds }, [ids[0], ids[1]])
        }
    }

    #[tokio::test]
    async fn sounds_go_with_the_database_that_names_them() {
        let (place, [there, lost]) = Place::new().await;
        fs::write(place.sounds.join("other.ogg"), b"nobody's").unwrap();
        let file = place.folder.path().join("backup.db");
        let command = || BackupCommand { file: file.clone() };
        command().run(&place.store, &place.sounds).await.unwrap();
        let folder = folder_of(&file);
        assert_eq!(fs::read(folder.join(name(there))).unwrap(), b"sound");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let mut named = store::announcements_in_backup(&file).await.unwrap();
        named.sort();
        assert_eq!(named, [there, lost]);
        let copy = Store::open(&file).await.unwrap();
        assert_eq!(copy.all_rooms().await.unwrap().len(), 2);
        let again = command().run(&place.store, &place.sounds).await.unwrap_err();
        assert!(format!("{again:#}").contains("backup.db.announcements"), "{again:#}");
        assert_eq!(fs::read(folder.join(name(there))).unwrap(), b"sound", "what was there is left as it is");
    }

    #[tokio::test]
    async fn a_database_that_may_not_be_written_leaves_no_folder() {
        let (place, _) = Place::new().await;
        let file = place.folder.path().join("backup.db");
        fs::write(&file, b"mine").unwrap();
        let refused = BackupCommand { file: file.clone() }.run(&place.store, &place.sounds).await;
        assert!(refused.is_err() && !folder_of(&file).exists());
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}
