//! The commands: `serve`, those that set things up beside a running server, and those to try it out.

mod account;
mod address;
mod backup;
mod call;
mod check;
mod number;
mod settings;

use crate::config::{CommonArgs, Config, ServeArgs};
use crate::{announcement, demo, serve};
use anyhow::Context;
use clap::{Parser, Subcommand};
use store::Store;

/// A telephone conference service: whoever dials a number is in one conversation.
#[derive(Parser)]
#[command(name = "conference", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// See it live: a server with a room in which four callers talk
    Demo(ServeArgs),
    /// A telephone for the terminal
    Call(call::CallCommand),
    /// Accounts: who owns numbers
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Numbers: what callers dial
    #[command(subcommand)]
    Number(number::NumberCommand),
    /// A number's public addresses
    Address(address::AddressCommand),
    /// Write a copy of the database and of the announcements, also beside a running server
    Backup(backup::BackupCommand),
    /// Say what is wrong with the settings, if anything
    Check(ServeArgs),
    /// Decode one uploaded file: the server starts this by itself
    #[command(hide = true)]
    Convert,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if let Command::Convert = self.command {
            announcement::convert();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.command.run(&self.common))
    }
}

impl Command {
    async fn run(self, common: &CommonArgs) -> anyhow::Result<()> {
        match self {
            Command::Serve(args) => serve::run(Config::load(common, &args)?).await,
            Command::Demo(args) => demo::run(common, &args).await,
            Command::Call(command) => command.run().await,
            Command::Check(args) => check::run(common, &args).await,
            Command::Convert => announcement::convert(),
            Command::Account(command) => command.run(&open(common).await?.1).await,
            Command::Number(command) => command.run(&open(common).await?.1).await,
            Command::Address(command) => {
                let (config, store) = open(common).await?;
                command.run(&store, &config.base_url_of_server()).await
            }
            Command::Backup(command) => {
                let (config, store) = open(common).await?;
                command.run(&store, &config.announcements()).await
            }
        }
    }
}

/// The database of the configured data folder; it works beside a running server.
async fn open(common: &CommonArgs) -> anyhow::Result<(Config, Store)> {
    let config = Config::load(common, &ServeArgs::default())?;
    let database = config.database();
    let store = Store::open(&database).await.with_context(|| format!("opening {}", database.display()))?;
    Ok((config, store))
}
