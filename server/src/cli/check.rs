//! `conference check`: reads the settings as `serve` would, and tries what they name.

use crate::announcement;
use crate::config::{CommonArgs, Config, ServeArgs};
use crate::prompts::Replacements;
use crate::recorder::{RecordingSettings, free_bytes};
use anyhow::{Context, bail};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use store::Store;

pub(crate) async fn run(common: &CommonArgs, args: &ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(common, args)?;
    match &config.file {
        Some(file) => println!("settings   {}: fine", file.display()),
        None => println!("settings   no conference.toml: the defaults and the flags hold"),
    }
    let callers = &config.callers;
    println!(
        "callers    {} trunks, {} telephones with a password",
        callers.trunks.len(),
        callers.phones.len()
    );
    let database = config.database();
    let store = Store::open(&database).await.with_context(|| format!("opening {}", database.display()))?;
    println!("database   {}: fine, {} numbers", database.display(), store.all_rooms().await?.len());
    let wrong_announcements = check_announcements(&store, &config.announcements()).await?;
    let mut wrong = 0;
    let mut tell = |what: &str, address: &dyn std::fmt::Display, tried: std::io::Result<()>| match tried {
        Ok(()) => println!("{what:<10} {address}: free"),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            println!("{what:<10} {address}: in use, by a running server or by another program");
        }
        Err(error) => {
            wrong += 1;
            println!("{what:<10} {address}: {error}");
        }
    };
    tell("pages", &config.http, TcpListener::bind(config.http).map(drop));
    for address in &config.addresses.sip {
        tell("calls", address, UdpSocket::bind(address).and_then(|_| TcpListener::bind(address)).map(drop));
    }
    for address in &config.addresses.tls {
        tell("TLS", address, TcpListener::bind(address).map(drop));
    }
    if let Some(files) = &config.addresses.tls_files {
        crate::telephony::check_certificate(files)?;
        println!("TLS        {}: fine", files.certificate.display());
    }
    check_recordings(&config.recordings);
    println!(
        "sound      room for {} calls at once, {} in one room",
        config.rtp_ports.pairs(),
        config.legs_per_room
    );
    let wrong_prompts = config.prompts_dir.as_deref().map_or(0, check_prompts);
    if wrong > 0 {
        bail!("{wrong} of the addresses cannot be used");
    }
    if wrong_prompts > 0 {
        bail!("{wrong_prompts} of the prompts cannot be used");
    }
    if wrong_announcements > 0 {
        bail!("{wrong_announcements} of the announcements cannot be heard");
    }
    Ok(())
}

/// Says how much is free for recordings of conferences, and how long they are kept.
fn check_recordings(settings: &RecordingSettings) {
    let (folder, wanted_mb) = (settings.folder.display(), settings.free_bytes / 1_000_000);
    let kept = settings.days.map_or("kept until deleted".to_owned(), |days| format!("kept for {days} days"));
    // The folder itself is made by the first start.
    match free_bytes(settings.folder.parent().unwrap_or(Path::new("."))).map(|free| free / 1_000_000) {
        Ok(free_mb) if free_mb < wanted_mb => {
            println!(
                "recordings {folder}: {free_mb} MB free, so none begins (recording-free-mb = {wanted_mb})"
            );
        }
        Ok(free_mb) => println!("recordings {folder}: {free_mb} MB free; {kept}"),
        Err(error) => println!("recordings {folder}: {error}"),
    }
}

/// Says of which numbers the announcement cannot be heard, and returns how many.
async fn check_announcements(store: &Store, folder: &Path) -> anyhow::Result<usize> {
    let (mut fine, mut wrong) = (0, 0);
    for room in store.all_rooms().await? {
        let Some(announcement) = store.announcement(room.id).await? else { continue };
        match announcement::check(&folder.join(format!("{}.ogg", announcement.id))) {
            Ok(()) => fine += 1,
            Err(error) => {
                wrong += 1;
                println!("sounds     {}: the announcement cannot be heard: {error:#}", room.number);
            }
        }
    }
    println!("sounds     {}: {fine} announcements", folder.display());
    Ok(wrong)
}

/// Says which recordings cannot be used, and returns how many.
fn check_prompts(folder: &Path) -> usize {
    let (replacements, faults) = Replacements::read(folder);
    for fault in &faults {
        println!("prompts    {fault}");
    }
    println!("prompts    {}: {} phrases replaced", folder.display(), replacements.count());
    faults.len()
}
