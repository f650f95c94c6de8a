//! Each language's sentences, by the names of the sounds they are made of.

use super::*;
use model::limits::LEGS_PER_ROOM;

fn said(language: Language, sentence: Sentence) -> String {
    let names: Vec<_> = sentence.parts(language).iter().map(|phrase| phrase.file_stem()).collect();
    names.join(" ")
}

fn minutes(language: Language, n: u16) -> String {
    let said = said(language, Sentence::MinutesLeft(n));
    said.strip_prefix("minutes-left number-").unwrap().to_owned()
}

fn participants(language: Language, n: u16) -> String {
    let said = said(language, Sentence::Participants(n));
    said.strip_prefix("there-are number-").unwrap().to_owned()
}

#[test]
fn french_minutes_are_feminine_and_participants_are_not() {
    let m = |n| minutes(Language::Fr, n);
    assert_eq!(m(0), "0 minutes-one");
    assert_eq!(m(1), "1-minutes minutes-one");
    assert_eq!(m(2), "2 minutes-many");
    assert_eq!(m(21), "21-minutes minutes-many");
    assert_eq!([11, 71, 91].map(m), ["11", "71", "91"].map(|n| format!("{n} minutes-many")));
    assert_eq!(m(81), "81-minutes minutes-many");
    assert_eq!(m(101), "100 number-1-minutes minutes-many");
    assert_eq!(participants(Language::Fr, 21), "21 participants-many");
    assert_eq!(participants(Language::Fr, 1_200), "1000 number-200 participants-many");
}

#[test]
fn english_says_and() {
    assert_eq!(minutes(Language::En, 0), "0 minutes-many");
    assert_eq!(minutes(Language::En, 1), "1 minutes-one");
    assert_eq!(minutes(Language::En, 21), "21 minutes-many");
    assert_eq!(participants(Language::En, 200), "200 participants-many");
    assert_eq!(participants(Language::En, 204), "200-and number-4 participants-many");
    assert_eq!(participants(Language::En, 1_004), "1000-and number-4 participants-many");
    assert_eq!(participants(Language::En, 1_200), "1000 number-200 participants-many");
    assert_eq!(participants(Language::En, 1_999), "1000 number-900-and number-99 participants-many");
}

#[test]
fn german_has_a_dative_for_one_minute_alone() {
    assert_eq!(minutes(Language::De, 1), "1-minutes minutes-one");
    assert_eq!(minutes(Language::De, 21), "21 minutes-many");
    assert_eq!(minutes(Language::De, 101), "100 number-1 minutes-many");
    assert_eq!(participants(Language::De, 21), "21 participants-many");
}

#[test]
fn spanish_shortens_a_hundred_with_nothing_after_it() {
    assert_eq!(minutes(Language::Es, 1), "1 minutes-one");
    assert_eq!(minutes(Language::Es, 31), "31 minutes-many");
    assert_eq!(participants(Language::Es, 100), "100 participants-many");
    assert_eq!(participants(Language::Es, 102), "100-and number-2 participants-many");
    assert_eq!(participants(Language::Es, 202), "200 number-2 participants-many");
}

#[test]
fn italian_shortens_one_before_its_noun() {
    assert_eq!(minutes(Language::It, 1), "1-minutes minutes-one");
    assert_eq!(minutes(Language::It, 21), "21 minutes-many");
    assert_eq!(participants(Language::It, 121), "100 number-21 participants-many");
}

#[test]
fn russian_has_three_forms_and_two_genders() {
    let m = |n| minutes(Language::Ru, n);
    assert_eq!(m(0), "0 minutes-many");
    assert_eq!(m(1), "1-minutes minutes-one");
    assert_eq!(m(2), "2-minutes minutes-few");
    assert_eq!([3, 4, 23].map(m), ["3", "4", "23"].map(|n| format!("{n} minutes-few")));
    assert_eq!([5, 10, 20].map(m), ["5", "10", "20"].map(|n| format!("{n} minutes-many")));
    assert_eq!([11, 12, 14].map(m), ["11", "12", "14"].map(|n| format!("{n} minutes-many")));
    assert_eq!(m(21), "21-minutes minutes-one");
    assert_eq!(m(22), "22-minutes minutes-few");
    assert_eq!(m(25), "25 minutes-many");
    assert_eq!(m(111), "100 number-11 minutes-many");
    assert_eq!(m(121), "100 number-21-minutes minutes-one");
    let p = |n| participants(Language::Ru, n);
    assert_eq!(p(2), "2 participants-few");
    assert_eq!(p(21), "21 participants-one");
    assert_eq!(p(25), "25 participants-many");
    assert_eq!(p(112), "100 number-12 participants-many");
    assert_eq!(p(1_001), "1000 number-1 participants-one");
}

#[test]
fn places_are_whole_sentences_up_to_the_twentieth() {
    for language in Language::ALL {
        let place = |n| said(language, Sentence::Participant(n));
        assert_eq!(place(1), "alone");
        assert_eq!([2, 20].map(place), ["participant-2", "participant-20"]);
        assert!(place(21).starts_with("there-are number-21 participants-"), "{language}");
    }
}

/// No sentence needs a phrase that its language has not, and the fullest room can be counted.
#[test]
fn every_number_can_be_said_in_every_language() {
    assert!(LEGS_PER_ROOM <= usize::from(NUMBER_MAX));
    for language in Language::ALL {
        for n in 0..=NUMBER_MAX {
            let sentences = [
                Sentence::Participant(n),
                Sentence::Participants(n),
                Sentence::MinutesLeft(n),
                Sentence::RecordingEndsIn(n),
            ];
            for phrase in sentences.iter().flat_map(|sentence| sentence.parts(language).to_vec()) {
                assert!(phrase.is_said_in(language), "{language} {n}: {phrase:?}");
            }
        }
        let most = said(language, Sentence::MinutesLeft(u16::MAX));
        assert_eq!(most, said(language, Sentence::MinutesLeft(NUMBER_MAX)), "{language}");
    }
}
