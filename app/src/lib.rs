//! The panel: pages, their islands, and what these may ask of the server.
//!
//! Compiled twice. With `ssr` into the server, which renders every page whole; with `hydrate` to WebAssembly, which
//! takes over the islands alone and sees no other crate of ours than `model`.

// A page's view is one type, as deep as the page is nested.
#![recursion_limit = "256"]

pub mod api;
pub mod components;
pub mod i18n;
pub mod live;

#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod server;

#[cfg(feature = "ssr")]
pub use server::{
    Announcements, LiveRooms, Panel, Receiving, Recordings, Site, TrunkLines, Upload, room_by_session, router,
};

/// Called by the page's script once the WebAssembly is loaded; the script then wakes each island by its name.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
