//! `conference account`: who owns numbers.

use crate::serve::unix_ms;
use anyhow::Context;
use clap::{Args, Subcommand};
use model::limits::PASSWORD_CHARS;
use model::{EmailAddress, Language};
use std::io::{BufRead, Write};
use store::{NewAccount, Password, PasswordError, Store, UnixMs};

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account; prints a password that is made for it, once
    Add(AddArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The e-mail address, with which its owner logs in
    email: EmailAddress,
    /// The NIC handle, by which the API knows the account [default: initials and digits]
    #[arg(long)]
    nic: Option<String>,
    /// The language of the panel: fr, en, de, es, it, ru
    #[arg(long, default_value_t, value_name = "LANGUAGE")]
    language: Language,
    /// Read the password from the standard input's first line
    #[arg(long)]
    password_stdin: bool,
}

impl AccountCommand {
    pub(crate) async fn run(self, store: &Store) -> anyhow::Result<()> {
        let AccountCommand::Add(args) = self;
        add(args, store, unix_ms(), std::io::stdin().lock(), &mut std::io::stdout()).await
    }
}

async fn add(
    args: AddArgs,
    store: &Store,
    now: UnixMs,
    input: impl BufRead,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let password = if args.password_stdin { first_line(input)? } else { Password::generate()? };
    let new =
        NewAccount { nic: args.nic, email: args.email, password: password.clone(), language: args.language };
    let account = store.create_account(now, new).await?;
    writeln!(out, "account   {}", account.email)?;
    writeln!(out, "handle    {}", account.nic)?;
    if !args.password_stdin {
        writeln!(out, "password  {}", password.reveal())?;
    }
    Ok(())
}

/// A line that ends with the input is a line too; of an endless one no more is read than a password may have.
fn first_line(input: impl BufRead) -> anyhow::Result<Password> {
    let most = (*PASSWORD_CHARS.end() + 2) * char::MAX.len_utf8();
    let mut line = Vec::new();
    let mut input = input.take(most as u64);
    input.read_until(b'\n', &mut line).context("reading the password from the standard input")?;
    if line.len() == most {
        return Err(PasswordError::TooLong.into());
    }
    let line = String::from_utf8(line).context("a password is UTF-8 text")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(email: &str) -> AddArgs {
        AddArgs { email: email.parse().unwrap(), nic: None, language: Language::Fr, password_stdin: false }
    }

    async fn added(args: AddArgs, store: &Store, input: &str) -> anyhow::Result<String> {
        let mut out = Vec::new();
        add(args, store, 1, input.as_bytes(), &mut out).await?;
        Ok(String::from_utf8(out)?)
    }

    #[tokio::test]
    async fn prints_a_password_that_logs_in() {
        let store = Store::in_memory().await.unwrap();
        let out = added(args("a@exemple.fr"), &store, "").await.unwrap();
        let words: Vec<&str> = out.split_whitespace().collect();
        let [_, "a@exemple.fr", _, handle, "password", password] = words[..] else { panic!("{out}") };
        assert!(store.authenticate("a@exemple.fr", password).await.unwrap().is_some());
        assert!(store.authenticate(handle, password).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn takes_a_password_from_the_input_and_does_not_repeat_it() {
        let store = Store::in_memory().await.unwrap();
        for (email, input) in
            [("a@b", "correct horse\n"), ("b@b", "correct horse\r\nmore\n"), ("c@b", "correct horse")]
        {
            let from_stdin = AddArgs { password_stdin: true, language: Language::En, ..args(email) };
            let out = added(from_stdin, &store, input).await.unwrap();
            assert!(!out.contains("password") && !out.contains("horse"), "{out}");
            let account = store.authenticate(email, "correct horse").await.unwrap().unwrap();
            assert_eq!(account.language, Language::En);
        }
    }

    #[tokio::test]
    async fn says_why_not() {
        let store = Store::in_memory().await.unwrap();
        let from_stdin = |input: &'static str| {
            let store = store.clone();
            async move {
                let args = AddArgs { password_stdin: true, ..args("a@b") };
                added(args, &store, input).await.unwrap_err().to_string()
            }
        };
        assert_eq!(from_stdin("short\n").await, "a password has at least 10 characters");
        assert_eq!(from_stdin("").await, "a password has at least 10 characters");
        let endless = "€".repeat(100_000);
        assert_eq!(
            first_line(endless.as_bytes()).unwrap_err().to_string(),
            "a password has at most 200 characters"
        );
        added(args("a@b"), &store, "").await.unwrap();
        let twice = added(args("a@b"), &store, "").await.unwrap_err().to_string();
        assert_eq!(twice, "there is already an account with this e-mail address");
    }
}
