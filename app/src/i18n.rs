//! The texts, from `locales/*.json`, checked at compile time.
//!
//! A text is taken with `td_string!(locale, section.key)`: the locale is a value that is passed along, so neither half
//! needs a cookie or a provider for it.

#[allow(unreachable_pub, unused_imports, dead_code, clippy::all, reason = "written by the build script")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/i18n.rs"));
}

pub use generated::i18n::Locale;
pub(crate) use leptos_i18n::td_string;

#[cfg(feature = "ssr")]
use model::{EmailError, PhoneNumberError, PinError, UploadProblem};
use model::{Language, PhoneNumber, Refusal};

/// The locale with a language's texts; English where pages are not written in it.
pub fn locale_of(language: Language) -> Locale {
    match language {
        Language::Fr => Locale::fr,
        Language::En | Language::De | Language::Es | Language::It | Language::Ru => Locale::en,
    }
}

pub(crate) fn refused(locale: Locale, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoConference => td_string!(locale, refused.no_conference),
        Refusal::NoMember => td_string!(locale, refused.no_member),
        Refusal::Busy => td_string!(locale, refused.busy),
    }
}

#[cfg(feature = "ssr")]
pub(crate) fn wrong_number(locale: Locale, error: PhoneNumberError) -> &'static str {
    match error {
        PhoneNumberError::NotDigits => td_string!(locale, wrong.number_digits),
        PhoneNumberError::Length => td_string!(locale, wrong.number_length),
    }
}

#[cfg(feature = "ssr")]
pub(crate) fn wrong_pin(locale: Locale, error: PinError) -> &'static str {
    match error {
        PinError::NotDigits => td_string!(locale, wrong.pin_digits),
        PinError::Length => td_string!(locale, wrong.pin_length),
    }
}

#[cfg(feature = "ssr")]
pub(crate) fn upload_problem(locale: Locale, problem: UploadProblem) -> &'static str {
    match problem {
        UploadProblem::Missing => td_string!(locale, announcement.missing),
        UploadProblem::TooBig => td_string!(locale, announcement.too_big),
        UploadProblem::TooLong => td_string!(locale, announcement.too_long),
        UploadProblem::NotSound => td_string!(locale, announcement.not_sound),
        UploadProblem::Damaged => td_string!(locale, announcement.damaged),
        UploadProblem::Silent => td_string!(locale, announcement.silent),
        UploadProblem::Slow => td_string!(locale, announcement.slow),
        UploadProblem::Busy => td_string!(locale, announcement.busy),
        UploadProblem::Failed => td_string!(locale, announcement.failed),
    }
}

#[cfg(feature = "ssr")]
pub(crate) fn wrong_email(locale: Locale, error: EmailError) -> &'static str {
    match error {
        EmailError::Shape => td_string!(locale, wrong.email_shape),
        EmailError::Length => td_string!(locale, wrong.email_length),
    }
}

/// A caller's number as a person reads it.
pub(crate) fn caller_number(locale: Locale, number: &str) -> String {
    if number.is_empty() {
        return td_string!(locale, live.withheld).to_owned();
    }
    number.parse::<PhoneNumber>().map_or_else(|_| number.to_owned(), |number| number.grouped())
}

/// How a caller is called in a sentence: by name where there is one.
pub(crate) fn caller(locale: Locale, number: &str, name: &str) -> String {
    if name.is_empty() { caller_number(locale, number) } else { name.to_owned() }
}

/// "3 on the line".
pub(crate) fn online(locale: Locale, count: usize) -> String {
    match count {
        0 => td_string!(locale, live.nobody).to_owned(),
        n => match form(locale, n) {
            Form::One => td_string!(locale, live.online.one, count = n),
            Form::Other => td_string!(locale, live.online.other, count = n),
        },
    }
}

/// "2 unsaved changes".
pub(crate) fn unsaved(locale: Locale, count: usize) -> String {
    match form(locale, count) {
        Form::One => td_string!(locale, general.unsaved.one, count = count),
        Form::Other => td_string!(locale, general.unsaved.other, count = count),
    }
}

/// The form that a count takes, of those that our languages have.
///
/// Texts of pages have their forms chosen by `td_string!`, which is ICU's rules with ICU's tables. A browser has these
/// already: what islands say asks it, and leaves a tenth of their code at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    One,
    Other,
}

#[cfg(not(feature = "ssr"))]
fn form(locale: Locale, count: usize) -> Form {
    use leptos_i18n::Locale as _;
    let locales = js_sys::Array::of1(&locale.as_str().into());
    let rules = js_sys::Intl::PluralRules::new(&locales, &js_sys::Object::new());
    if rules.select(count as f64) == "one" { Form::One } else { Form::Other }
}

#[cfg(feature = "ssr")]
fn form(locale: Locale, count: usize) -> Form {
    leptos_i18n::td_plural! { locale, count = move || count, one => Form::One, _ => Form::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withheld_number_has_words_and_others_are_grouped() {
        assert_eq!(caller_number(Locale::fr, ""), "Numéro masqué");
        assert_eq!(caller_number(Locale::en, "0612345678"), "06 12 34 56 78");
        assert_eq!(caller_number(Locale::fr, "alice"), "alice");
        assert_eq!(caller(Locale::fr, "0612345678", "Claire"), "Claire");
    }

    fn keys(value: &serde_json::Value, at: &str, out: &mut Vec<String>) {
        match value.as_object() {
            Some(map) => map.iter().for_each(|(key, value)| keys(value, &format!("{at}.{key}"), out)),
            None => out.push(at.to_owned()),
        }
    }

    /// The generator takes the French text where another is missing; we do not.
    #[test]
    fn every_language_has_every_text() {
        let all = |json: &str| {
            let mut out = Vec::new();
            keys(&serde_json::from_str(json).unwrap(), "", &mut out);
            out.sort();
            out
        };
        assert_eq!(all(include_str!("../locales/fr.json")), all(include_str!("../locales/en.json")));
    }

    #[test]
    fn plurals_follow_each_language() {
        let numbers = |locale: Locale, n: u32| td_string!(locale, rooms.lead, count = n);
        assert_eq!(numbers(Locale::fr, 1), "1 numéro de conférence.");
        assert_eq!(numbers(Locale::en, 2), "2 conference numbers.");
        assert_eq!(unsaved(Locale::fr, 0), "0 modification non enregistrée");
        assert_eq!(unsaved(Locale::fr, 2), "2 modifications non enregistrées");
        assert_eq!(unsaved(Locale::en, 0), "0 unsaved changes");
        assert_eq!(unsaved(Locale::en, 1), "1 unsaved change");
        assert_eq!(online(Locale::en, 0), "Nobody on the line");
        assert_eq!(online(Locale::fr, 3), "3 en ligne");
    }
}
