//! Announcements that were spoken by telephone: they go the way of an uploaded file, by which they sound like one.

use super::converter::Converted;
use super::{Announcements, sound_of};
use engine::{Announcement, TAPE_HZ};
use model::live::UnixMs;
use model::{FileName, Language, UploadProblem};
use std::sync::Arc;
use store::ControlPinAccess;
use time::OffsetDateTime;

/// Made of what was said, and not kept yet.
pub(crate) struct Made {
    converted: Converted,
    /// As much as an upload of it would have.
    bytes: usize,
}

pub(crate) struct Spoken {
    pub(crate) made: Made,
    /// What callers would hear.
    pub(crate) sound: Arc<Announcement>,
}

impl Announcements {
    /// # Errors
    /// As of an upload: [`UploadProblem::Silent`] where nothing was said, [`UploadProblem::Busy`], [`UploadProblem::Failed`].
    pub(crate) async fn spoken(&self, samples: &[i16]) -> Result<Spoken, UploadProblem> {
        let file = wav(samples);
        let converted = self.converter.convert(&file).await?;
        let sound = converted.file.clone();
        let decoded = tokio::task::spawn_blocking(move || sound_of(sound.into())).await;
        match decoded.unwrap_or_else(|stopped| Err(stopped.into())) {
            Ok((sound, _)) => {
                Ok(Spoken { made: Made { converted, bytes: file.len() }, sound: Arc::new(sound) })
            }
            Err(error) => {
                tracing::error!(%error, "a spoken announcement cannot be read again");
                Err(UploadProblem::Failed)
            }
        }
    }

    /// # Errors
    /// [`UploadProblem::Failed`]; the announcement before it stays then.
    pub(crate) async fn keep_spoken(
        &self,
        access: &ControlPinAccess,
        now: UnixMs,
        made: Made,
    ) -> Result<(), UploadProblem> {
        let name = name(access.room().settings.language, now);
        let new = self.write(now, name, made.bytes as u64, made.converted).await?;
        let replaced = self.store.set_spoken_announcement(access, now, &new).await;
        self.replaced(new.id, replaced).await
    }
}

/// "Téléphone 2026-11-25".
fn name(language: Language, now: UnixMs) -> FileName {
    let telephone = match language {
        Language::Fr => "Téléphone",
        Language::En => "Telephone",
        Language::De => "Telefon",
        Language::Es => "Teléfono",
        Language::It => "Telefono",
        Language::Ru => "Телефон",
    };
    let seconds = i64::try_from(now / 1_000).unwrap_or(i64::MAX);
    let day = OffsetDateTime::from_unix_timestamp(seconds).map(|at| format!(" {}", at.date()));
    FileName::of(&format!("{telephone}{}", day.unwrap_or_default()))
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let bytes = (samples.len() * 2) as u32;
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((bytes + 36).to_le_bytes());
    // PCM, one channel, 16 bits.
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(TAPE_HZ.to_le_bytes());
    file.extend((TAPE_HZ * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound_file;
    use engine::Rate;
    use model::limits::{ANNOUNCEMENT_BYTES, ANNOUNCEMENT_SECONDS};

    #[test]
    fn it_is_named_by_its_day_in_the_rooms_language() {
        assert_eq!(name(Language::Fr, 1_795_573_800_000).as_str(), "Téléphone 2026-11-25");
        for language in Language::ALL {
            assert!(name(language, 0).as_str().ends_with(" 1970-01-01"), "{language}");
        }
        assert_eq!(name(Language::En, UnixMs::MAX).as_str(), "Telephone");
    }

    #[test]
    fn the_longest_is_a_file_that_may_be_uploaded() {
        let samples: Vec<i16> = (0..ANNOUNCEMENT_SECONDS * TAPE_HZ as usize).map(|n| n as i16).collect();
        let file = wav(&samples);
        assert!(file.len() <= ANNOUNCEMENT_BYTES);
        let decoded = sound_file::decode(file, Rate::Wide).unwrap();
        let apart = decoded.iter().zip(&samples).map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max();
        // It is read by way of floating point.
        assert!(decoded.len() == samples.len() && apart <= Some(1), "{} {apart:?}", decoded.len());
    }
}
