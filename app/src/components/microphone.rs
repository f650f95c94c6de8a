//! Records an announcement with the browser's microphone, lets it be heard, and sends it as a file is sent. Without script,
//! nothing of it is there.

use super::upload::{Progress, State as Sending, send};
use crate::components::erased::{derived, effect};
use crate::i18n::{Locale, locale_of, td_string};
use js_sys::{Date, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Language;
use model::limits::ANNOUNCEMENT_SECONDS;
use send_wrapper::SendWrapper;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AnalyserNode, AudioContext, Blob, BlobEvent, MediaRecorder, MediaRecorderOptions, MediaStream,
    MediaStreamConstraints, MediaStreamTrack, Url,
};

/// A second less than the server takes, since recorders end late.
const LONGEST_S: f64 = ANNOUNCEMENT_SECONDS as f64 - 1.0;
/// Five minutes of it are a quarter of what may be sent.
const BITS_PER_SECOND: u32 = 64_000;
/// How often the level moves.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Samples that the level is taken of: 21 ms at 48 kHz.
const LEVEL_SAMPLES: usize = 1_024;
/// What the level's bar shows as nothing.
const QUIET_DBFS: f32 = -60.0;

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The browser has not taken over yet.
    Plain,
    Ready,
    /// The browser asks whether the page may.
    Asking,
    Recording,
    /// It can be heard, and sent.
    Recorded,
    Failed(Problem),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Problem {
    /// Came by plain HTTP.
    Insecure,
    Denied,
    NoMicrophone,
    /// Something else is wrong with the browser or the microphone.
    Broken,
}

/// What goes on between "record" and "stop".
struct Session {
    stream: MediaStream,
    recorder: MediaRecorder,
    context: AudioContext,
    analyser: AnalyserNode,
    /// Milliseconds of the browser's clock.
    began: f64,
    look: Option<IntervalHandle>,
}

/// What was recorded.
struct Take {
    sound: Blob,
    url: String,
}

/// The browser's own things stay on its one thread; on the server there are none.
type Held<T> = StoredValue<Option<SendWrapper<T>>>;

/// The signals that a recording moves.
#[derive(Clone, Copy)]
struct Desk {
    state: RwSignal<State>,
    seconds: RwSignal<u32>,
    /// Of its bar, 0 to 100.
    level: RwSignal<u32>,
    session: Held<Session>,
    take: Held<Take>,
}

/// `action`: where to send it.
#[island]
pub fn MicrophoneField(language: Language, action: String) -> impl IntoView {
    let locale = locale_of(language);
    let desk = Desk {
        state: RwSignal::new(State::Plain),
        seconds: RwSignal::new(0),
        level: RwSignal::new(0),
        session: StoredValue::new(None),
        take: StoredValue::new(None),
    };
    let state = desk.state;
    let sending = RwSignal::new(Sending::Ready);
    effect(move || state.set(State::Ready));
    let send_it = move |_| {
        let unreachable = td_string!(locale, refused.unreachable);
        let sent = desk.take.with_value(|take| {
            let take = take.as_ref()?;
            let name = file_name(td_string!(locale, announcement.microphone), &take.sound.type_());
            send(&action, &take.sound, &name, sending, unreachable).ok()
        });
        if sent.is_none() {
            sending.set(Sending::Refused(unreachable.to_owned()));
        }
    };
    let busy = derived(move || matches!(sending.get(), Sending::Sending(_) | Sending::Reading));
    let unless = move |shown: fn(State) -> bool| derived(move || !shown(state.get()));
    let words = move || match state.get() {
        State::Asking => td_string!(locale, announcement.asking).to_owned(),
        State::Recording => clock(desk.seconds.get()),
        _ => String::new(),
    };
    let failed = move || match state.get() {
        State::Failed(problem) => problem_words(locale, problem),
        _ => "",
    };
    view! {
        <div class="field" hidden=unless(|state| state != State::Plain)>
            <span class="label">{td_string!(locale, announcement.microphone)}</span>
            <div class="control" data-microphone>
                <button
                    type="button"
                    class="button"
                    hidden=unless(|state| matches!(state, State::Ready | State::Failed(_)))
                    on:click=move |_| desk.begin()
                >
                    {td_string!(locale, announcement.record)}
                </button>
                <span class="soft" role="status">
                    {words}
                </span>
                <meter
                    class="mic-level"
                    max="100"
                    value=move || desk.level.get()
                    hidden=unless(|state| state == State::Recording)
                    aria-label=td_string!(locale, announcement.level)
                ></meter>
                <button
                    type="button"
                    class="button danger"
                    hidden=unless(|state| state == State::Recording)
                    on:click=move |_| desk.stop()
                >
                    {td_string!(locale, announcement.stop)}
                </button>
                <div class="recorded" hidden=unless(|state| state == State::Recorded)>
                    <audio
                        class="player"
                        controls
                        src=move || desk.url()
                        aria-label=td_string!(locale, announcement.microphone)
                    ></audio>
                    <span class="beside">
                        <button type="button" class="button primary" disabled=busy on:click=send_it>
                            {td_string!(locale, announcement.take_it)}
                        </button>
                        <button type="button" class="button" disabled=busy on:click=move |_| desk.begin()>
                            {td_string!(locale, announcement.again)}
                        </button>
                    </span>
                    <Progress locale state=sending />
                </div>
                <span class="refused" role="alert">
                    {failed}
                </span>
            </div>
        </div>
    }
}

impl Desk {
    fn begin(self) {
        self.drop_take();
        self.state.set(State::Asking);
        spawn_local(async move {
            match self.open().await {
                Ok(()) => self.state.set(State::Recording),
                Err(problem) => self.state.set(State::Failed(problem)),
            }
        });
    }

    async fn open(self) -> Result<(), Problem> {
        if !window().is_secure_context() {
            return Err(Problem::Insecure);
        }
        let devices = window().navigator().media_devices().map_err(|_| Problem::Broken)?;
        let wanted = MediaStreamConstraints::new();
        wanted.set_audio(&JsValue::TRUE);
        let asked = devices.get_user_media_with_constraints(&wanted).map_err(refused)?;
        let stream: MediaStream = JsFuture::from(asked).await.map_err(refused)?.unchecked_into();
        match self.record(stream.clone()) {
            Ok(session) => {
                self.session.set_value(Some(SendWrapper::new(session)));
                Ok(())
            }
            Err(error) => {
                end(&stream);
                Err(refused(error))
            }
        }
    }

    fn record(self, stream: MediaStream) -> Result<Session, JsValue> {
        let context = AudioContext::new()?;
        let analyser = context.create_analyser()?;
        analyser.set_fft_size(LEVEL_SAMPLES as u32);
        context.create_media_stream_source(&stream)?.connect_with_audio_node(&analyser)?;
        let options = MediaRecorderOptions::new();
        options.set_audio_bits_per_second(BITS_PER_SECOND);
        let recorder = MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options)?;
        // All of it comes at once, at the end.
        let done = Closure::<dyn FnMut(BlobEvent)>::new(move |event: BlobEvent| self.recorded(event.data()));
        recorder.set_ondataavailable(Some(done.into_js_value().unchecked_ref()));
        recorder.start()?;
        let look = set_interval_with_handle(move || self.look(), LOOK_EVERY).ok();
        Ok(Session { stream, recorder, context, analyser, began: Date::now(), look })
    }

    /// Shows how long it has been going on, and how loud it is.
    fn look(self) {
        let seen = self.session.with_value(|session| {
            let session = session.as_ref()?;
            let mut samples = [0.0; LEVEL_SAMPLES];
            session.analyser.get_float_time_domain_data(&mut samples);
            let peak = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            Some((percent(peak), (Date::now() - session.began) / 1_000.0))
        });
        let Some((level, seconds)) = seen else { return };
        self.level.set(level);
        self.seconds.set(seconds as u32);
        if seconds >= LONGEST_S {
            self.stop();
        }
    }

    fn stop(self) {
        let stopped = self.session.with_value(|session| Some(session.as_ref()?.recorder.stop().is_ok()));
        if stopped == Some(false) {
            self.recorded(None);
        }
    }

    /// It has stopped, by the button or because the microphone was taken away.
    fn recorded(self, sound: Option<Blob>) {
        let Some(session) = self.session.try_update_value(Option::take).flatten() else { return };
        end(&session.stream);
        // It would be ended with the page.
        let _ = session.context.close();
        session.look.inspect(IntervalHandle::clear);
        self.level.set(0);
        self.seconds.set(0);
        let take = sound.filter(|sound| sound.size() > 0.0).and_then(|sound| {
            let url = Url::create_object_url_with_blob(&sound).ok()?;
            Some(SendWrapper::new(Take { sound, url }))
        });
        let state = if take.is_some() { State::Recorded } else { State::Failed(Problem::Broken) };
        self.take.set_value(take);
        self.state.set(state);
    }

    fn drop_take(self) {
        if let Some(take) = self.take.try_update_value(Option::take).flatten() {
            // It would be ended with the page.
            let _ = Url::revoke_object_url(&take.url);
        }
    }

    /// Of what can be heard.
    fn url(self) -> Option<String> {
        let recorded = self.state.get() == State::Recorded;
        recorded.then(|| self.take.with_value(|take| take.as_ref().map(|take| take.url.clone())))?
    }
}

/// Gives the microphone back.
fn end(stream: &MediaStream) {
    for track in stream.get_tracks() {
        track.unchecked_into::<MediaStreamTrack>().stop();
    }
}

/// What the browser's error means (Media Capture and Streams, section 10.2).
fn refused(error: JsValue) -> Problem {
    let name = Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
    match name.as_deref() {
        Some("NotAllowedError" | "SecurityError") => Problem::Denied,
        Some("NotFoundError") => Problem::NoMicrophone,
        _ => Problem::Broken,
    }
}

fn problem_words(locale: Locale, problem: Problem) -> &'static str {
    match problem {
        Problem::Insecure => td_string!(locale, announcement.insecure),
        Problem::Denied => td_string!(locale, announcement.denied),
        Problem::NoMicrophone => td_string!(locale, announcement.no_microphone),
        Problem::Broken => td_string!(locale, announcement.cannot_record),
    }
}

/// Of a bar for a peak, 1.0 being full scale.
fn percent(peak: f32) -> u32 {
    let dbfs = 20.0 * peak.max(f32::MIN_POSITIVE).log10();
    ((1.0 - dbfs / QUIET_DBFS) * 100.0).clamp(0.0, 100.0) as u32
}

/// "1:05".
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// "Microphone 2026-11-25.webm": what browsers record into is theirs to choose.
fn file_name(microphone: &str, kind: &str) -> String {
    let day = String::from(Date::new_0().to_iso_string());
    format!("{microphone} {}.{}", day.get(..10).unwrap_or_default(), ending(kind))
}

fn ending(kind: &str) -> &'static str {
    match kind {
        kind if kind.contains("mp4") => "m4a",
        kind if kind.contains("ogg") => "ogg",
        _ => "webm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_empty_when_it_is_quiet_and_full_at_full_scale() {
        assert_eq!([0.0, 0.000_5, 0.032, 1.0, 3.0].map(percent), [0, 0, 50, 100, 100]);
    }

    #[test]
    fn files_end_as_their_kind_does() {
        assert_eq!(ending("audio/webm;codecs=opus"), "webm");
        assert_eq!(ending("audio/ogg; codecs=opus"), "ogg");
        assert_eq!((ending("audio/mp4"), ending("")), ("m4a", "webm"));
        assert_eq!((clock(5), clock(299)), ("0:05".to_owned(), "4:59".to_owned()));
    }
}
