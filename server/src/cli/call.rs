//! `conference call`: a telephone for the terminal.

use clap::Args;
use phone::Codec;
use phone::cli::CallArgs;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
pub(crate) struct CallCommand {
    /// Whom to call, as sip:3000@127.0.0.1
    uri: String,
    /// A PIN to type once the greeting is over
    #[arg(long, value_name = "DIGITS")]
    pin: Option<String>,
    /// A WAV file to say
    #[arg(long, value_name = "FILE")]
    say: Option<PathBuf>,
    /// A WAV file to write what is heard to
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Hang up after so many seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// The calling number
    #[arg(long, default_value = "1000", value_name = "NUMBER")]
    from: String,
    /// The codecs to offer, best first: pcmu, pcma, g722, opus
    #[arg(long, value_name = "CODEC,…", value_delimiter = ',')]
    codec: Vec<Codec>,
    /// Do not offer telephone-events: keys are tones in the sound
    #[arg(long)]
    no_telephone_event: bool,
}

impl CallCommand {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let args = CallArgs {
            uri: self.uri,
            pin: self.pin,
            say: self.say,
            record: self.record,
            duration: self.duration.map(Duration::from_secs),
            from: self.from,
            codecs: self.codec,
            telephone_event: !self.no_telephone_event,
        };
        Ok(phone::cli::call(args).await?)
    }
}
