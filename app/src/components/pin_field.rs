//! The PIN's field, which can think of one by itself.

use crate::components::erased::{derived, effect};
use crate::i18n::{locale_of, td_string};
use leptos::prelude::*;
use leptos::{ev, html};
use model::Language;

/// Digits of a PIN that is made here: guessed in a million tries, typed in three seconds.
const DIGITS: usize = 6;

/// `described_by` are the ids of its help and error.
#[island]
pub fn PinField(language: Language, value: String, described_by: String, invalid: bool) -> impl IntoView {
    let locale = locale_of(language);
    let field = NodeRef::<html::Input>::new();
    let ready = RwSignal::new(false);
    effect(move || ready.set(true));
    let generate = move |_| {
        let (Some(field), Some(pin)) = (field.get_untracked(), random_pin()) else { return };
        field.set_value(&pin);
        // A value that is set by program sends no event, and the bar with "save" listens for one.
        if let Ok(event) = ev::Event::new_with_event_init_dict("input", &bubbling()) {
            let _ = field.dispatch_event(&event);
        }
    };
    view! {
        <span class="beside">
            <input
                class="input pin"
                type="text"
                id="pin"
                name="pin"
                inputmode="numeric"
                autocomplete="off"
                maxlength="8"
                value=value
                aria-describedby=described_by
                aria-invalid=invalid.then_some("true")
                node_ref=field
            />
            <button type="button" class="button" disabled=derived(move || !ready.get()) on:click=generate>
                {td_string!(locale, general.generate)}
            </button>
        </span>
    }
}

fn bubbling() -> web_sys::EventInit {
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    init
}

/// Six digits of the browser's own randomness; `None` where it has none.
fn random_pin() -> Option<String> {
    let mut bytes = [0_u8; DIGITS * 4];
    window().crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()?;
    Some(pin_from(&bytes))
}

/// Bytes from 250 on are left out, so that every digit is as likely as any other; the first is not 0, as "0" alone
/// would mean that there is no PIN.
fn pin_from(bytes: &[u8]) -> String {
    let digits = bytes.iter().filter(|b| **b < 250).map(|b| char::from(b'0' + b % 10));
    digits.skip_while(|c| *c == '0').take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_digits_without_preference() {
        assert_eq!(pin_from(&[255, 10, 1, 2, 251, 3, 0, 5, 6, 7]), "123056");
        assert_eq!(pin_from(&[249; 24]), "999999");
        for byte in 0..250 {
            assert!(pin_from(&[byte, 1, 1, 1, 1, 1, 1]).parse::<model::Pin>().is_ok());
        }
    }
}
