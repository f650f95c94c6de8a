//! `conference address`: where a number's conference is followed and controlled.

use super::number::room;
use crate::serve::unix_ms;
use clap::Args;
use model::PhoneNumber;
use std::io::Write;
use store::{Actor, AddressKind, Store, UnixMs};

#[derive(Args)]
pub(crate) struct AddressCommand {
    /// The number
    number: PhoneNumber,
    /// Make both addresses anew; those before them open nothing any more
    #[arg(long, conflicts_with = "delete")]
    renew: bool,
    /// Take both addresses away
    #[arg(long)]
    delete: bool,
}

impl AddressCommand {
    /// `base_url`: of the server, without a slash at its end.
    pub(crate) async fn run(self, store: &Store, base_url: &str) -> anyhow::Result<()> {
        self.execute(store, base_url, unix_ms(), &mut std::io::stdout()).await
    }

    async fn execute(
        self,
        store: &Store,
        base_url: &str,
        now: UnixMs,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let room = room(store, &self.number).await?;
        if self.renew {
            for kind in AddressKind::ALL {
                store.renew_address(now, room.id, kind).await?;
            }
            store.audit(now, room.id, Actor::Cli, "renewAddresses", None, None).await?;
        }
        if self.delete {
            for kind in AddressKind::ALL {
                store.delete_address(room.id, kind).await?;
            }
            store.audit(now, room.id, Actor::Cli, "deleteAddresses", None, None).await?;
        }
        let addresses = store.addresses(room.id).await?;
        if AddressKind::ALL.iter().all(|kind| addresses.token(*kind).is_none()) {
            let number = room.number;
            writeln!(out, "{number} has no addresses; make them with: conference address {number} --renew")?;
            return Ok(());
        }
        for kind in AddressKind::ALL {
            let name = kind.name();
            match addresses.token(kind) {
                Some(token) => writeln!(out, "{name}  {base_url}/{name}/{token}")?,
                None => writeln!(out, "{name}  none")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Language, RoomSettings};
    use store::NewAccount;

    async fn store() -> Store {
        let store = Store::in_memory().await.unwrap();
        let new = NewAccount {
            nic: None,
            email: "claire@exemple.fr".parse().unwrap(),
            password: "correct horse".parse().unwrap(),
            language: Language::Fr,
        };
        let account = store.create_account(1, new).await.unwrap();
        let number = "3000".parse().unwrap();
        store.add_number(1, number, account.id, "", RoomSettings::default()).await.unwrap();
        store
    }

    async fn printed(store: &Store, renew: bool, delete: bool) -> String {
        let mut out = Vec::new();
        let command = AddressCommand { number: "3000".parse().unwrap(), renew, delete };
        command.execute(store, "https://conf.example.org", 1, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn prints_two_lines_whose_tokens_open_the_doors() {
        let store = store().await;
        let out = printed(&store, false, false).await;
        let lines: Vec<&str> = out.lines().collect();
        let follow = lines[0].strip_prefix("follow  https://conf.example.org/follow/").unwrap();
        let control = lines[1].strip_prefix("control  https://conf.example.org/control/").unwrap();
        assert_eq!(lines.len(), 2);
        assert!(store.follow_access(follow).await.unwrap().is_some());
        assert!(store.control_access(control).await.unwrap().is_some());
        assert_eq!(printed(&store, false, false).await, out, "asking changes nothing");
    }

    #[tokio::test]
    async fn renews_and_deletes_both() {
        let store = store().await;
        let before = printed(&store, false, false).await;
        let renewed = printed(&store, true, false).await;
        for (old, new) in before.lines().zip(renewed.lines()) {
            assert_ne!(old, new);
        }
        let none = "3000 has no addresses; make them with: conference address 3000 --renew\n";
        assert_eq!(printed(&store, false, true).await, none);
        assert_eq!(printed(&store, false, false).await, none);
        assert_eq!(printed(&store, true, false).await.lines().count(), 2);
    }

    #[tokio::test]
    async fn one_that_its_owner_took_away_is_none() {
        let store = store().await;
        let room = store.all_rooms().await.unwrap().remove(0);
        store.delete_address(room.id, AddressKind::Control).await.unwrap();
        let out = printed(&store, false, false).await;
        assert!(out.starts_with("follow  https://") && out.ends_with("\ncontrol  none\n"), "{out}");
    }
}
