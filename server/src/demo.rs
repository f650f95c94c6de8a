//! `conference demo`: a server with a room in which four callers of our own talk, so that there is life to look at.

use crate::config::{CommonArgs, Config, ServeArgs};
use crate::prompts;
use crate::serve::{interrupted, unix_ms};
use crate::server::Server;
use crate::telephony::trunk::CallersSettings;
use anyhow::Context;
use model::{Language, PhoneNumber, RoomSettings};
use phone::demo::{DemoArgs, DemoVoice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use store::{NewAccount, Password, Room, Store};
use tokio_util::sync::CancellationToken;

const NUMBER: &str = "3000";
const EMAIL: &str = "demo@example.org";
/// Number and name of each caller.
const CALLERS: [(&str, &str); 4] =
    [("0612345678", "Claire"), ("0320441002", "Karim"), ("0170363942", "Élodie"), ("0328003000", "Paul")];

pub(crate) async fn run(common: &CommonArgs, args: &ServeArgs) -> anyhow::Result<()> {
    // In a folder that goes away, unless one is named: a demo leaves nothing behind.
    let folder = tempfile::tempdir()?;
    let mut common = common.clone();
    common.data.get_or_insert_with(|| folder.path().to_owned());
    let mut config = Config::load(&common, args)?;
    // Its callers are on this machine, and no provider is to hear of a demo.
    config.callers = CallersSettings::default();
    let store = Store::open(&config.database()).await.context("opening the demo's database")?;
    let room = demo_room(&store).await?;
    let server = Server::start(&config, store.clone()).await?;
    announce(&config, &store, &room).await?;

    let stop = CancellationToken::new();
    let callers = tokio::spawn(phone::demo::run(demo_args(&config)?, stop.clone().cancelled_owned()));
    interrupted().await?;
    println!("Ending the calls …");
    stop.cancel();
    callers.await?.context("the demo's callers")?;
    server.stop().await;
    Ok(())
}

fn demo_args(config: &Config) -> anyhow::Result<DemoArgs> {
    let voices = CALLERS.into_iter().zip(prompts::demo_voices()?).map(|((number, name), clips)| DemoVoice {
        number: number.to_owned(),
        name: name.to_owned(),
        clips,
    });
    let ip = match config.sip().ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let server = SocketAddr::new(ip, config.sip().port());
    Ok(DemoArgs { server, number: NUMBER.to_owned(), pin: None, voices: voices.collect() })
}

async fn demo_room(store: &Store) -> anyhow::Result<Room> {
    let number: PhoneNumber = NUMBER.parse()?;
    if let Some(room) = store.dial(&number).await? {
        return Ok(room);
    }
    let email = EMAIL.parse()?;
    let account = match store.account_by_email(&email).await? {
        Some(account) => account,
        None => {
            // Nobody logs in with it: the pages are opened by their public addresses.
            let password: Password = format!("{:032x}", rand::random::<u128>()).parse()?;
            let new = NewAccount { nic: None, email, password, language: Language::Fr };
            store.create_account(unix_ms(), new).await?
        }
    };
    let settings = RoomSettings::default();
    Ok(store.add_number(unix_ms(), number, account.id, "Point hebdomadaire", settings).await?)
}

async fn announce(config: &Config, store: &Store, room: &Room) -> anyhow::Result<()> {
    let base = config.base_url();
    let addresses = store.addresses(room.id).await?;
    println!("Conférence {}: four callers meet in room {}", env!("CARGO_PKG_VERSION"), room.number);
    for (what, path, token) in
        [("watch", "follow", addresses.follow), ("moderate", "control", addresses.control)]
    {
        if let Some(token) = token {
            println!("  {what:<9} {base}/{path}/{token}");
        }
    }
    println!("  join them sip:{}@{}", room.number, crate::server::sip_hint(config));
    println!("            or: conference call sip:{}@{}", room.number, crate::server::sip_hint(config));
    println!("  Ctrl-C ends it");
    Ok(())
}
