//! How loud somebody must be to be heard.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The level below which a member's input is not let through, in steps of 6 dB: 0 lets a whisper in (-57 dBov), 2 is
/// where everybody begins (-45 dBov), 4 keeps a workshop out (-33 dBov). On screen it is the microphone's sensitivity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Energy(u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the energy is 0, 1, 2, 3 or 4")]
pub struct EnergyError;

impl Energy {
    pub const MAX: u8 = 4;
    pub const ALL: [Energy; 5] = [Energy(0), Energy(1), Energy(2), Energy(3), Energy(4)];

    /// # Errors
    /// If it is above 4.
    pub const fn new(step: u8) -> Result<Energy, EnergyError> {
        if step > Energy::MAX { Err(EnergyError) } else { Ok(Energy(step)) }
    }

    /// 0..=4.
    pub const fn step(self) -> u8 {
        self.0
    }
}

impl Default for Energy {
    fn default() -> Self {
        Energy(2)
    }
}

impl TryFrom<u8> for Energy {
    type Error = EnergyError;

    fn try_from(step: u8) -> Result<Self, Self::Error> {
        Energy::new(step)
    }
}

impl From<Energy> for u8 {
    fn from(energy: Energy) -> Self {
        energy.0
    }
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_five_and_json_knows_no_sixth() {
        assert_eq!(Energy::ALL.map(Energy::step), [0, 1, 2, 3, 4]);
        assert_eq!(Energy::new(5), Err(EnergyError));
        assert_eq!(serde_json::from_str::<Energy>("4").ok(), Energy::new(4).ok());
        assert!(serde_json::from_str::<Energy>("5").is_err());
        assert_eq!(serde_json::to_string(&Energy::default()).unwrap(), "2");
    }
}
