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

/// The locale with a language's texts.
pub fn locale_of(language: Language) -> Locale {
    match language {
        Language::Fr => Locale::fr,
        Language::En => Locale::en,
        Language::De => Locale::de,
        Language::Es => Locale::es,
        Language::It => Locale::it,
        Language::Ru => Locale::ru,
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

/// "3 on the line": the same words for one and for many, in each of the languages.
pub(crate) fn online(locale: Locale, count: usize) -> String {
    match count {
        0 => td_string!(locale, live.nobody).to_owned(),
        n => td_string!(locale, live.online, count = n),
    }
}

/// "2 unsaved changes".
pub(crate) fn unsaved(locale: Locale, count: usize) -> String {
    match form(locale, count) {
        Form::One => td_string!(locale, general.unsaved.one, count = count),
        Form::Few => td_string!(locale, general.unsaved.few, count = count),
        Form::Other => td_string!(locale, general.unsaved.other, count = count),
    }
}

/// The form that a count takes. Of our languages Russian alone has "few"; its "many" is the rest, as whole numbers go.
///
/// Texts of pages have their forms chosen by `td_string!`, which is ICU's rules with ICU's tables. A browser has these
/// already: what islands say asks it, and leaves a tenth of their code at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    One,
    Few,
    Other,
}

#[cfg(not(feature = "ssr"))]
fn form(locale: Locale, count: usize) -> Form {
    use leptos_i18n::Locale as _;
    let locales = js_sys::Array::of1(&locale.as_str().into());
    let rules = js_sys::Intl::PluralRules::new(&locales, &js_sys::Object::new());
    match rules.select(count as f64) {
        form if form == "one" => Form::One,
        form if form == "few" => Form::Few,
        _ => Form::Other,
    }
}

#[cfg(feature = "ssr")]
fn form(locale: Locale, count: usize) -> Form {
    leptos_i18n::td_plural! { locale, count = move || count, one => Form::One, few => Form::Few, _ => Form::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_withheld_number_has_words_and_others_are_grouped() {
        assert_eq!(caller_number(Locale::fr, ""), "Numéro masqué");
        assert_eq!(caller_number(Locale::en, "0612345678"), "06 12 34 56 78");
        assert_eq!(caller_number(Locale::fr, "alice"), "alice");
        assert_eq!(caller(Locale::fr, "0612345678", "Claire"), "Claire");
    }

    const TEXTS: [(Locale, &str); 6] = [
        (Locale::fr, include_str!("../locales/fr.json")),
        (Locale::en, include_str!("../locales/en.json")),
        (Locale::de, include_str!("../locales/de.json")),
        (Locale::es, include_str!("../locales/es.json")),
        (Locale::it, include_str!("../locales/it.json")),
        (Locale::ru, include_str!("../locales/ru.json")),
    ];

    /// Name and text of each phrase.
    fn phrases(json: &str) -> BTreeMap<String, String> {
        fn collect(value: &serde_json::Value, at: &str, out: &mut BTreeMap<String, String>) {
            match value.as_object() {
                Some(map) => map.iter().for_each(|(key, value)| collect(value, &format!("{at}.{key}"), out)),
                None => drop(out.insert(at.to_owned(), value.as_str().unwrap().to_owned())),
            }
        }
        let mut out = BTreeMap::new();
        collect(&serde_json::from_str(json).unwrap(), "", &mut out);
        out
    }

    /// Without the form of a count.
    fn stem(name: &str) -> &str {
        let forms = ["_one", "_few", "_many", "_other"];
        forms.iter().find_map(|form| name.strip_suffix(form)).unwrap_or(name)
    }

    fn values(text: &str) -> Vec<&str> {
        let mut values: Vec<&str> =
            text.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0).collect();
        values.sort_unstable();
        values
    }

    /// The generator takes the French text where another is missing; we do not.
    #[test]
    fn every_language_has_every_text_with_the_same_values() {
        let french = phrases(TEXTS[0].1);
        let stems: BTreeSet<&str> = french.keys().map(|name| stem(name)).collect();
        for (locale, json) in TEXTS {
            let texts = phrases(json);
            assert_eq!(texts.keys().map(|name| stem(name)).collect::<BTreeSet<_>>(), stems, "{locale}");
            for (name, text) in &texts {
                let here = french.get(name).or_else(|| french.get(&format!("{}_other", stem(name)))).unwrap();
                assert_eq!(values(text), values(here), "{locale} {name}");
                assert!(!text.trim().is_empty() && text.trim() == text, "{locale} {name}");
            }
        }
    }

    /// A count that a text is missing a form for would be said in the form of fractions.
    #[test]
    fn every_counted_text_has_the_forms_of_its_language() {
        for (locale, json) in TEXTS {
            let texts = phrases(json);
            let one = texts.keys().filter_map(|name| name.strip_suffix("_one"));
            for name in one {
                let has = |form: &str| texts.contains_key(&format!("{name}_{form}"));
                let russian = locale == Locale::ru;
                assert!(has("other") && has("few") == russian && has("many") == russian, "{locale} {name}");
            }
        }
    }

    #[test]
    fn plurals_follow_each_language() {
        let numbers = |locale: Locale, n: u32| td_string!(locale, rooms.lead, count = n);
        assert_eq!(numbers(Locale::fr, 1), "1 numéro de conférence.");
        assert_eq!(numbers(Locale::en, 2), "2 conference numbers.");
        assert_eq!(numbers(Locale::de, 2).replace('\u{a0}', " "), "2 Konferenznummern.");
        assert_eq!(unsaved(Locale::fr, 0), "0 modification non enregistrée");
        assert_eq!(unsaved(Locale::fr, 2), "2 modifications non enregistrées");
        assert_eq!(unsaved(Locale::en, 0), "0 unsaved changes");
        assert_eq!(unsaved(Locale::en, 1), "1 unsaved change");
        assert_eq!(online(Locale::en, 0), "Nobody on the line");
        assert_eq!(online(Locale::fr, 3), "3 en ligne");
        assert_eq!(online(Locale::ru, 1), "1 на линии");
    }

    #[test]
    fn russian_counts_in_three_forms() {
        let plain = |text: String| text.replace('\u{a0}', " ");
        let numbers = |n: u32| plain(td_string!(Locale::ru, rooms.lead, count = n));
        let forms = [1, 2, 5, 11, 12, 21, 22, 25, 111].map(numbers);
        let expected = [
            "1 номер",
            "2 номера",
            "5 номеров",
            "11 номеров",
            "12 номеров",
            "21 номер",
            "22 номера",
            "25 номеров",
            "111 номеров",
        ];
        assert_eq!(forms, expected.map(|counted| format!("{counted} для конференций.")));
        let changes = [1, 3, 5, 14, 21].map(|n| plain(unsaved(Locale::ru, n)));
        let expected = [
            "1 несохранённое изменение",
            "3 несохранённых изменения",
            "5 несохранённых изменений",
            "14 несохранённых изменений",
            "21 несохранённое изменение",
        ];
        assert_eq!(changes, expected);
    }
}
