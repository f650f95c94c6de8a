//! The words of the product as types: ids, settings, snapshots, commands.
//!
//! A value of one of these types exists only if it is valid; the constructors' errors say what is wrong and the
//! panel turns them into the reader's language. No I/O, no clock, no randomness: the browser compiles it too.

pub mod action;
pub mod announcement;
pub mod email;
pub mod energy;
pub mod id;
pub mod language;
pub mod limits;
pub mod live;
pub mod phone_number;
pub mod pin;
pub mod quality;
pub mod recording;
pub mod settings;
pub mod trunk;

pub use action::{Action, Refusal};
pub use announcement::{FileName, UploadProblem};
pub use email::{EmailAddress, EmailError};
pub use energy::{Energy, EnergyError};
pub use id::{AccountId, AnnouncementId, ConferenceId, MemberId, RecordingId, RoomId};
pub use language::{Language, LanguageError};
pub use live::{Change, Conference, Delta, Live, Member};
pub use phone_number::{PhoneNumber, PhoneNumberError};
pub use pin::{Pin, PinAlert, PinError};
pub use quality::Quality;
pub use recording::RecordingEnd;
pub use settings::RoomSettings;
