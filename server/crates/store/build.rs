//! `sqlx::migrate!` embeds the folder; Cargo must be told to look at it for files that are new.

fn main() {
    println!("cargo::rerun-if-changed=../../../migrations");
}
