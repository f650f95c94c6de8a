//! Reactive closures behind one type: without it the browser's code would hold all that serves them once for each.

use leptos::prelude::{Effect, Signal};

/// [`Signal::derive`].
pub(crate) fn derived<T: Send + Sync + 'static>(value: impl Fn() -> T + Send + Sync + 'static) -> Signal<T> {
    let value: Box<dyn Fn() -> T + Send + Sync> = Box::new(value);
    Signal::derive(value)
}

/// [`Effect::new`], of what needs nothing of the time before.
pub(crate) fn effect(run: impl FnMut() + 'static) {
    let run: Box<dyn FnMut()> = Box::new(run);
    Effect::new(run);
}
