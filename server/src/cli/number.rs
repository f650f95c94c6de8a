//! `conference number`: what callers dial.

use super::settings::{SettingsChange, all_settings};
use crate::serve::unix_ms;
use anyhow::anyhow;
use clap::{Args, Subcommand};
use model::{AccountId, EmailAddress, PhoneNumber, RoomSettings};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;
use store::{Actor, Room, Store, StoreError, UnixMs};

#[derive(Subcommand)]
pub(crate) enum NumberCommand {
    /// Give an account a number, with a room of its own
    #[command(after_help = all_settings())]
    Add(AddArgs),
    /// Change a number's settings; the next call obeys them
    #[command(after_help = all_settings())]
    Set(SetArgs),
    /// Show all numbers
    List,
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The number as callers dial it, as +33328003000 or 3000
    number: PhoneNumber,
    /// The e-mail address of the account that owns it
    #[arg(long, value_name = "EMAIL")]
    account: EmailAddress,
    /// Settings, as pin=1234
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// The number
    number: PhoneNumber,
    /// Settings, as pin=1234
    #[arg(value_name = "KEY=VALUE", required = true)]
    settings: Vec<String>,
}

impl NumberCommand {
    pub(crate) async fn run(self, store: &Store) -> anyhow::Result<()> {
        self.execute(store, unix_ms(), &mut std::io::stdout()).await
    }

    async fn execute(self, store: &Store, now: UnixMs, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            NumberCommand::Add(args) => add(args, store, now, out).await,
            NumberCommand::Set(args) => set(args, store, now, out).await,
            NumberCommand::List => list(store, out).await,
        }
    }
}

/// What `number` leads to, or an error that says where to look.
pub(super) async fn room(store: &Store, number: &PhoneNumber) -> anyhow::Result<Room> {
    store.dial(number).await?.ok_or_else(|| unknown(number))
}

fn unknown(number: &PhoneNumber) -> anyhow::Error {
    anyhow!("there is no number {number}; those that there are: conference number list")
}

async fn add(args: AddArgs, store: &Store, now: UnixMs, out: &mut impl Write) -> anyhow::Result<()> {
    let AddArgs { number, account: email, settings } = args;
    let change = SettingsChange::parse(&settings)?;
    let account = store.account_by_email(&email).await?;
    let account = account
        .ok_or_else(|| anyhow!("there is no account {email}; add it with: conference account add {email}"))?;
    let (mut description, mut settings) = (String::new(), RoomSettings::default());
    change.apply(&mut description, &mut settings);
    let room = store.add_number(now, number.clone(), account.id, &description, settings).await;
    let room = room.map_err(|error| match error {
        StoreError::NumberTaken => anyhow!("the number {number} is in use already"),
        other => other.into(),
    })?;
    store.audit(now, room.id, Actor::Cli, "addNumber", None, None).await?;
    writeln!(out, "{number} is ready to be called; its addresses: conference address {number}")?;
    Ok(())
}

async fn set(args: SetArgs, store: &Store, now: UnixMs, out: &mut impl Write) -> anyhow::Result<()> {
    let change = SettingsChange::parse(&args.settings)?;
    let set = store.set_number(&args.number, |room| change.apply(&mut room.description, &mut room.settings));
    let room = set.await?.ok_or_else(|| unknown(&args.number))?;
    store.audit(now, room.id, Actor::Cli, "saveSettings", None, None).await?;
    writeln!(out, "{} is changed, from the next call on", room.number)?;
    Ok(())
}

async fn list(store: &Store, out: &mut impl Write) -> anyhow::Result<()> {
    let rooms = store.all_rooms().await?;
    if rooms.is_empty() {
        writeln!(out, "no numbers yet; add one with: conference number add NUMBER --account EMAIL")?;
        return Ok(());
    }
    let mut emails: HashMap<AccountId, String> = HashMap::new();
    for room in &rooms {
        if let Entry::Vacant(entry) = emails.entry(room.account) {
            let account = store.account(room.account).await?;
            entry.insert(account.map(|a| a.email.to_string()).unwrap_or_default());
        }
    }
    let mut table = vec![["NUMBER", "DESCRIPTION", "LANGUAGE", "PIN", "ACCOUNT"].map(str::to_owned)];
    table.extend(rooms.into_iter().map(|room| {
        let pin = if room.settings.pin.is_some() { "yes" } else { "no" };
        let email = emails.get(&room.account).cloned().unwrap_or_default();
        [room.number.to_string(), room.description, room.settings.language.to_string(), pin.to_owned(), email]
    }));
    write_table(&table, out)?;
    Ok(())
}

/// Columns as wide as their widest cell, two spaces apart.
fn write_table<const N: usize>(rows: &[[String; N]], out: &mut impl Write) -> std::io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use model::Language;
    use store::NewAccount;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: NumberCommand,
    }

    async fn typed(store: &Store, words: &[&str]) -> Result<String, String> {
        let words = ["number"].iter().chain(words);
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        line.command.execute(store, 1, &mut out).await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    async fn store() -> Store {
        let store = Store::in_memory().await.unwrap();
        let new = NewAccount {
            nic: None,
            email: "claire@exemple.fr".parse().unwrap(),
            password: "correct horse".parse().unwrap(),
            language: Language::Fr,
        };
        store.create_account(1, new).await.unwrap();
        store
    }

    async fn dialled(store: &Store, number: &str) -> Option<Room> {
        store.dial(&number.parse().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn adds_sets_and_lists() {
        let store = store().await;
        assert!(typed(&store, &["list"]).await.unwrap().starts_with("no numbers yet"));
        let add = ["add", "+33 3 28 00 30 00", "--account", "claire@exemple.fr", "pin=1234", "language=en"];
        typed(&store, &add).await.unwrap();
        typed(&store, &["add", "3000", "description=Réunion", "--account", "claire@exemple.fr"])
            .await
            .unwrap();
        typed(&store, &["set", "3000", "enterMuted=true", "description=Comité d'été"]).await.unwrap();
        let room = dialled(&store, "3000").await.unwrap();
        assert!(room.settings.enter_muted);
        assert_eq!((room.description.as_str(), room.version), ("Comité d'été", 2));
        let audited = store.audit_rows(room.id, 10).await.unwrap();
        assert_eq!(
            audited.iter().map(|row| row.what.as_str()).collect::<Vec<_>>(),
            ["saveSettings", "addNumber"]
        );
        assert!(audited.iter().all(|row| row.actor == Actor::Cli));
        assert_eq!(
            typed(&store, &["list"]).await.unwrap(),
            "NUMBER        DESCRIPTION   LANGUAGE  PIN  ACCOUNT\n\
             3000          Comité d'été  fr        no   claire@exemple.fr\n\
             +33328003000                en        yes  claire@exemple.fr\n"
        );
    }

    #[tokio::test]
    async fn a_wrong_setting_changes_nothing() {
        let store = store().await;
        let to_claire = ["--account", "claire@exemple.fr"];
        let add = |number: &'static str, setting: &'static str| {
            [&["add", number, setting], &to_claire[..]].concat()
        };
        let error = typed(&store, &add("3000", "pin=abc")).await.unwrap_err();
        assert!(
            error.contains("pin: the PIN may hold digits only") && error.contains("enterMuted=true|false")
        );
        assert!(dialled(&store, "3000").await.is_none());

        typed(&store, &add("3000", "pin=1")).await.unwrap();
        let before = dialled(&store, "3000").await;
        for wrong in ["colour=red", "enterMuted=yes", "pin"] {
            let error = typed(&store, &["set", "3000", "pin=2", wrong]).await.unwrap_err();
            assert!(error.contains("the settings are description="), "{error}");
        }
        let long = format!("description={}", "x".repeat(100));
        let error = typed(&store, &["set", "3000", "pin=2", &long]).await.unwrap_err();
        assert_eq!(error, "a description has at most 80 characters, in one line");
        assert_eq!(dialled(&store, "3000").await, before);
        let taken = typed(&store, &add("+3000", "pin=1")).await.unwrap_err();
        assert_eq!(taken, "the number +3000 is in use already");
    }

    #[tokio::test]
    async fn says_what_to_do_about_the_unknown() {
        let store = store().await;
        let error = typed(&store, &["add", "3000", "--account", "x@exemple.fr"]).await.unwrap_err();
        assert_eq!(
            error,
            "there is no account x@exemple.fr; add it with: conference account add x@exemple.fr"
        );
        let error = typed(&store, &["set", "3000", "pin=1"]).await.unwrap_err();
        assert_eq!(error, "there is no number 3000; those that there are: conference number list");
        assert!(
            typed(&store, &["add", "alice", "--account", "x@y"]).await.unwrap_err().contains("digits only")
        );
        assert!(
            typed(&store, &["add", "3000", "--account", "x"]).await.unwrap_err().contains("name@example.org")
        );
        assert!(typed(&store, &["set", "3000"]).await.unwrap_err().contains("KEY=VALUE"));
        assert!(typed(&store, &["set", "--help"]).await.unwrap_err().contains("language=fr|en|de|es|it|ru"));
    }
}
