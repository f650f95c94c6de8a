//! The WebSocket of a live page: it connects, and comes back by itself when it breaks.

use super::backoff::wait_ms;
use super::wire;
use leptos::prelude::*;
use model::live::Message;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{MessageEvent, VisibilityState, WebSocket};

/// How the page stands with the server; `data-live` carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Connected,
    Lost,
}

impl Link {
    pub fn as_str(self) -> &'static str {
        match self {
            Link::Connecting => "connecting",
            Link::Connected => "connected",
            Link::Lost => "lost",
        }
    }
}

/// What the page hears from its line.
pub enum Heard {
    Message(Box<Message>),
    Lost,
}

/// The message does not follow what the page has: it needs a fresh snapshot.
pub struct OutOfStep;

type Hear = Box<dyn Fn(Heard) -> Result<(), OutOfStep>>;

struct Line {
    url: String,
    hear: Hear,
    socket: RefCell<Option<WebSocket>>,
    failures: Cell<u32>,
    timer: Cell<Option<TimeoutHandle>>,
    on_message: OnceCell<Closure<dyn FnMut(MessageEvent)>>,
    on_close: OnceCell<Closure<dyn FnMut()>>,
}

/// Follows `path` for as long as the page lives. Call it in the browser only.
pub fn follow(path: &str, hear: impl Fn(Heard) -> Result<(), OutOfStep> + 'static) {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss" } else { "ws" };
    let host = location.host().unwrap_or_default();
    let line = Rc::new(Line {
        url: format!("{scheme}://{host}{path}"),
        hear: Box::new(hear),
        socket: RefCell::new(None),
        failures: Cell::new(0),
        timer: Cell::new(None),
        on_message: OnceCell::new(),
        on_close: OnceCell::new(),
    });
    line.prepare();
    line.connect();
}

impl Line {
    /// The callbacks hold the line and the line holds them: both live as long as the page.
    fn prepare(self: &Rc<Self>) {
        let line = Rc::clone(self);
        let on_message = Closure::new(move |event: MessageEvent| line.message(&event));
        let line = Rc::clone(self);
        let on_close = Closure::new(move || line.lost());
        // Set once, before the first connection: both cells are empty here.
        let _ = (self.on_message.set(on_message), self.on_close.set(on_close));

        let line = Rc::clone(self);
        window_event_listener_untyped("online", move |_| line.now());
        let line = Rc::clone(self);
        window_event_listener_untyped("visibilitychange", move |_| {
            if document().visibility_state() == VisibilityState::Visible {
                line.now();
            }
        });
    }

    /// Connects at once where it would have waited: the network is back, or somebody looks.
    fn now(self: &Rc<Self>) {
        let open = self.socket.borrow().as_ref().is_some_and(|s| s.ready_state() == WebSocket::OPEN);
        if !open {
            self.connect();
        }
    }

    fn connect(self: &Rc<Self>) {
        self.drop_socket();
        let Ok(socket) = WebSocket::new(&self.url) else {
            return self.lost();
        };
        socket.set_onmessage(self.on_message.get().map(|c| c.as_ref().unchecked_ref()));
        socket.set_onclose(self.on_close.get().map(|c| c.as_ref().unchecked_ref()));
        self.socket.replace(Some(socket));
    }

    fn message(self: &Rc<Self>, event: &MessageEvent) {
        let text = event.data().as_string().unwrap_or_default();
        let Some(message) = wire::read(&text) else {
            return self.lost();
        };
        match (self.hear)(Heard::Message(Box::new(message))) {
            Ok(()) => self.failures.set(0),
            Err(OutOfStep) => self.lost(),
        }
    }

    fn lost(self: &Rc<Self>) {
        self.drop_socket();
        // The page has nothing to say back to a loss.
        let _ = (self.hear)(Heard::Lost);
        let wait = wait_ms(self.failures.get(), js_sys::Math::random());
        self.failures.set(self.failures.get().saturating_add(1));
        let line = Rc::clone(self);
        let timer = set_timeout_with_handle(move || line.connect(), Duration::from_millis(wait.into()));
        self.timer.set(timer.ok());
    }

    fn drop_socket(&self) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        if let Some(socket) = self.socket.take() {
            socket.set_onmessage(None);
            socket.set_onclose(None);
            // It may be closed already, which is what is wanted.
            let _ = socket.close();
        }
    }
}
