//! What is written can be read: whole, with gaps, cut off, and by whom it may be.

use super::queue::{Source, Tap, of_size};
use super::space::Space;
use super::sync::{Job, Syncer};
use super::thread::{Ended, RecorderThread};
use super::track::Track;
use super::{RecordingSettings, Shared, close_lost, folder, recover};
use crate::ledger::{Entry, Ledger};
use crate::sound_file;
use engine::{Micros, Rate, Recorded, Take};
use model::{ConferenceId, Language, RecordingEnd, RecordingId, RoomSettings};
use ogg::PacketReader;
use std::f64::consts::TAU;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};
use store::{NewAccount, NewRecording, OwnerAccess, RecordedSound, RecordingState, Store};
use uuid::Uuid;

const TONE_HZ: f64 = 400.0;
const LEVEL: f64 = 8_000.0;

fn take(n: u128) -> Take {
    let id = Uuid::from_u128(n);
    Take {
        recording: RecordingId(id),
        room: model::RoomId(id),
        conference: ConferenceId(id),
        since: Micros::from_ms(1_790_000_000_000),
        began: Micros::from_ms(1_790_000_005_000),
    }
}

/// A tick of a tone that goes on from tick to tick.
fn tone(tick: u64, rate: Rate) -> Vec<i16> {
    let first = tick as usize * rate.frame_samples();
    let wave = |i: usize| (i as f64 * TONE_HZ * TAU / f64::from(rate.hz())).sin();
    (first..first + rate.frame_samples()).map(|i| (LEVEL * wave(i)) as i16).collect()
}

fn recorded(path: &Path) -> Vec<i16> {
    sound_file::decode(std::fs::read(path).unwrap(), Rate::Wide).unwrap()
}

/// The loudest sample of 20 ms, at 16 kHz.
fn loudest(sound: &[i16], tick: usize) -> u16 {
    sound[tick * 320..(tick + 1) * 320].iter().map(|s| s.unsigned_abs()).max().unwrap()
}

fn write(path: &Path, ticks: u64, rate: Rate) -> Track {
    let mut track = Track::create(path, take(1), rate).unwrap();
    for tick in 0..ticks {
        track.record(tick, rate, &tone(tick, rate)).unwrap();
    }
    track
}

#[test]
fn a_file_holds_its_sound_exactly() {
    let folder = tempfile::tempdir().unwrap();
    for (n, rate) in Rate::ALL.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.ogg"));
        let mut track = write(&path, 130, rate);
        track.finish(130).unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert_eq!(track.sound(), RecordedSound { length_ms: 2_600, bytes, gaps_ms: 0 });
        // 24 kbit/s at most for a steady tone, and what pages cost.
        assert!((2_000..10_500).contains(&bytes), "{rate:?}: {bytes}");
        let sound = recorded(&path);
        assert_eq!(sound.len(), 130 * 320, "{rate:?}");
        for tick in 1..129 {
            assert!((6_500..9_500).contains(&loudest(&sound, tick)), "{rate:?}, tick {tick}");
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Track::create(&path, take(1), rate).is_err(), "no file is written over");
        let file = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains("DATE=2026-09-21T14:13:25Z") && text.contains("ENCODER=conference "));
    }
}

#[test]
fn the_rooms_rate_may_change_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ogg");
    let mut track = Track::create(&path, take(1), Rate::Narrow).unwrap();
    for tick in 0..120 {
        let rate = [Rate::Narrow, Rate::Wide, Rate::Full][tick as usize / 40];
        track.record(tick, rate, &tone(tick, rate)).unwrap();
    }
    track.finish(120).unwrap();
    let sound = recorded(&path);
    assert_eq!(sound.len(), 120 * 320);
    // But for the change itself, in which the room is silent.
    for tick in (1..119).filter(|tick| tick % 40 > 1 && tick % 40 < 39) {
        assert!((6_500..9_500).contains(&loudest(&sound, tick)), "tick {tick}: {}", loudest(&sound, tick));
    }
}

/// Packets of all whole pages, as any player finds them.
fn packets(file: &[u8]) -> usize {
    let mut reader = PacketReader::new(Cursor::new(file));
    std::iter::from_fn(|| reader.read_packet().ok().flatten()).count()
}

#[test]
fn cut_at_any_byte_it_keeps_every_whole_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ogg");
    let track = write(&path, 80, Rate::Narrow);
    drop(track);
    // Three pages of 25 ticks; the last five ticks were never written.
    let whole = std::fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"OggS")).skip(1).collect();
    assert_eq!(ends.len(), 4, "two pages of heads, three of sound");
    let cut_path = folder.path().join("cut.ogg");
    for length in 0..=whole.len() {
        // Whatever the file system left behind the end after a loss of power; no zeros, with which some pages end.
        let garbage = [&[][..], &[0xff; 40], b"OggS\0\0"][length % 3];
        std::fs::write(&cut_path, [&whole[..length], garbage].concat()).unwrap();
        let pages = ends.iter().chain([&whole.len()]).filter(|end| **end <= length).count();
        let ticks = pages.saturating_sub(2) as u64 * 25;
        let closed = recover::close(&cut_path).unwrap();
        let rest = std::fs::read(&cut_path).unwrap();
        let end = if pages == 0 { 0 } else { *ends.get(pages - 1).unwrap_or(&whole.len()) };
        assert!(rest == whole[..end], "{length}");
        // The last 6.5 ms are still in the encoder.
        let length_ms = (ticks * 20).saturating_sub(7);
        assert_eq!((closed.length_ms, closed.bytes), (length_ms, end as u64), "{length}");
        assert_eq!(packets(&whole[..length]), pages.min(2) + ticks as usize, "{length}");
        if ticks > 0 && length % 50 == 0 {
            assert_eq!(recorded(&cut_path).len(), ticks as usize * 320 - 104, "{length}");
        }
    }
    let none = recover::close(&folder.path().join("none.ogg"));
    assert_eq!(none.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

/// A recorder with a queue of its own, a store with one room, and what its threads do, one pass at a time.
struct Bench {
    _folder: tempfile::TempDir,
    shared: Arc<Shared>,
    store: Store,
    ledger: Ledger,
    owner: OwnerAccess,
    tap: Option<Tap>,
    ended: mpsc::Sender<Ended>,
    recorder: Option<RecorderThread>,
    syncer: Option<std::thread::JoinHandle<()>>,
    stopped: Arc<Mutex<Vec<RecordingEnd>>>,
}

impl Bench {
    async fn new((tap, source): (Tap, Source), free_bytes: u64) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().await.unwrap();
        let new = NewAccount {
            nic: None,
            email: "claire@exemple.fr".parse().unwrap(),
            password: "correct horse".parse().unwrap(),
            language: Language::Fr,
        };
        let account = store.create_account(1, new).await.unwrap();
        let (number, settings) = ("3000".parse().unwrap(), RoomSettings::default());
        let room = store.add_number(1, number, account.id, "", settings).await.unwrap();
        let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
        let ledger = Ledger::open(store.clone());
        let path = folder.path().to_owned();
        let space = Arc::new(Space::new(path.clone(), free_bytes));
        let stopped = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&stopped);
        let shared = Arc::new(Shared {
            folder: path.clone(),
            space: Arc::clone(&space),
            ledger: ledger.clone(),
            stop: Box::new(move |_, end| noted.lock().unwrap().push(end)),
        });
        let (jobs, receiver) = mpsc::channel::<Job>();
        let syncer = Syncer { jobs: receiver, folder: path, space, ledger: ledger.clone() };
        let syncer = Some(std::thread::spawn(move || syncer.run()));
        let (ended, ends) = mpsc::channel();
        let recorder = Some(RecorderThread::new(Arc::clone(&shared), source, ends, jobs));
        let tap = Some(tap);
        Bench { _folder: folder, shared, store, ledger, owner, tap, ended, recorder, syncer, stopped }
    }

    fn take(&self) -> Take {
        Take { room: self.owner.room().id, ..take(7) }
    }

    fn push(&mut self, ticks: impl IntoIterator<Item = u64>) {
        let take = self.take();
        for tick in ticks {
            let samples = tone(tick, Rate::Narrow);
            let recorded = Recorded { take, tick, rate: Rate::Narrow, samples: &samples };
            self.tap.as_mut().unwrap().push(&recorded);
        }
    }

    /// One look into the queue, on a thread that may wait.
    async fn pass(&mut self) -> bool {
        let mut recorder = self.recorder.take().unwrap();
        let (recorder, goes_on) = tokio::task::spawn_blocking(move || {
            let goes_on = recorder.pass();
            (recorder, goes_on)
        })
        .await
        .unwrap();
        self.recorder = Some(recorder);
        goes_on
    }

    /// The recording as its row says, once all is written.
    async fn row(&mut self) -> RecordingState {
        drop(self.recorder.take());
        let syncer = self.syncer.take().unwrap();
        tokio::task::spawn_blocking(move || syncer.join().unwrap()).await.unwrap();
        self.ledger.stop(1).await;
        self.store.recording(&self.owner, self.take().recording).await.unwrap().unwrap().state
    }

    fn sound(&self) -> Vec<i16> {
        recorded(&self.shared.path(self.take().recording))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_found_no_place_is_silence_of_its_length() {
    // Room for ten ticks.
    let mut bench = Bench::new(of_size(10, 1_600), 0).await;
    bench.push(0..10);
    assert!(bench.pass().await);
    // Of these, ten find no place.
    bench.push(10..30);
    bench.pass().await;
    bench.push(30..40);
    bench.pass().await;
    // The last twenty as well; where the recording ends is known all the same.
    bench.push(40..70);
    let recording = bench.take().recording;
    bench.ended.send(Ended { recording, ticks: 70, end: RecordingEnd::ConferenceOver }).unwrap();
    bench.pass().await;
    let RecordingState::Ended { end, sound } = bench.row().await else { panic!("it runs") };
    assert_eq!((end, sound.length_ms, sound.gaps_ms), (RecordingEnd::ConferenceOver, 1_400, 600));
    let heard = bench.sound();
    assert_eq!(heard.len(), 70 * 320);
    for tick in 1..69 {
        let gap = (20..30).contains(&tick) || tick >= 50;
        match (gap, loudest(&heard, tick)) {
            // The codec needs some ms to fall silent, and to begin again.
            _ if [19, 20, 21, 30, 50, 51].contains(&tick) => {}
            (true, level) => assert!(level < 200, "tick {tick}: {level}"),
            (false, level) => assert!((6_000..9_500).contains(&level), "tick {tick}: {level}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conference_that_the_server_ends_is_closed() {
    let mut bench = Bench::new(of_size(100, 16_000), 0).await;
    bench.push(0..60);
    drop(bench.tap.take());
    assert!(!bench.pass().await, "nothing more can come");
    let RecordingState::Ended { end, sound } = bench.row().await else { panic!("it runs") };
    assert_eq!((end, sound.length_ms, sound.gaps_ms), (RecordingEnd::ConferenceOver, 1_200, 0));
    assert_eq!(bench.sound().len(), 60 * 320);
    assert!(bench.stopped.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_it_and_the_engine_is_told_until_it_knows() {
    // More than any disk has.
    let mut bench = Bench::new(of_size(100, 16_000), u64::MAX).await;
    bench.push(0..60);
    bench.pass().await;
    bench.push(60..70);
    bench.pass().await;
    assert_eq!(*bench.stopped.lock().unwrap(), [RecordingEnd::NoSpace; 2]);
    let recording = bench.take().recording;
    bench.ended.send(Ended { recording, ticks: 70, end: RecordingEnd::NoSpace }).unwrap();
    bench.pass().await;
    bench.pass().await;
    assert_eq!(bench.stopped.lock().unwrap().len(), 2);
    let RecordingState::Ended { end, sound } = bench.row().await else { panic!("it runs") };
    assert_eq!((end, sound.length_ms), (RecordingEnd::NoSpace, 1_200));
    assert_eq!(bench.sound().len(), 60 * 320, "what was recorded before is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_made_ends_it() {
    let mut bench = Bench::new(of_size(100, 16_000), 0).await;
    std::fs::write(bench.shared.path(bench.take().recording), "in its place").unwrap();
    bench.push(0..10);
    bench.pass().await;
    assert_eq!(*bench.stopped.lock().unwrap(), [RecordingEnd::Failed]);
    assert!(bench.store.recording_ids().await.unwrap().is_empty(), "there is nothing to list");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_is_closed_at_the_next_start() {
    let bench = Bench::new(of_size(10, 1_600), 0).await;
    let (cut, lost) = (bench.take(), Take { recording: RecordingId(Uuid::from_u128(8)), ..bench.take() });
    for take in [cut, lost] {
        let Take { recording: id, room, conference, since, began } = take;
        let new = NewRecording { id, room, conference, since: since.as_ms(), began: began.as_ms() };
        bench.ledger.write(Entry::RecordingBegan(new)).await;
    }
    let path = bench.shared.path(cut.recording);
    write(&path, 80, Rate::Narrow);
    let whole = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 1).unwrap();
    // Until both rows are there.
    while bench.store.running_recordings().await.unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let settings = RecordingSettings { folder: bench.shared.folder.clone(), free_bytes: 0, days: None };
    close_lost(&settings, &bench.store).await.unwrap();
    let state = async |id| bench.store.recording(&bench.owner, id).await.unwrap().unwrap().state;
    let RecordingState::Ended { end, sound } = state(cut.recording).await else { panic!("it runs") };
    assert_eq!((end, sound.length_ms), (RecordingEnd::Crash, 993));
    assert_eq!(recorded(&path).len(), 50 * 320 - 104);
    let nothing = RecordingState::Ended { end: RecordingEnd::Failed, sound: RecordedSound::default() };
    assert_eq!(state(lost.recording).await, nothing);
    let ended = bench.store.conference_end(cut.conference).await.unwrap();
    assert_eq!(ended, Some(cut.began.as_ms() + 993));
}

#[test]
fn files_that_nobody_knows_are_removed_when_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<RecordingId> = (1..=4).map(|n| RecordingId(Uuid::from_u128(n))).collect();
    let hours_ago = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3_600);
    for (id, hours) in ids.iter().zip([2, 2, 0, 9]) {
        let file = std::fs::File::create(folder::path(folder.path(), *id)).unwrap();
        file.set_modified(hours_ago(hours)).unwrap();
    }
    folder::sweep(folder.path(), &ids[..1]).unwrap();
    let is_there = |id: &RecordingId| folder::path(folder.path(), *id).exists();
    assert_eq!(ids.iter().map(is_there).collect::<Vec<_>>(), [true, false, true, false]);
    folder::remove(folder.path(), &ids);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
