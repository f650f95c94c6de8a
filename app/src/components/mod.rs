//! What pages are made of. The islands among them run in the browser too; the rest is rendered on the server.

pub mod copy_field;
mod erased;
pub mod icon;
pub mod live_room;
pub mod member_row;
pub mod microphone;
pub mod pin_field;
pub mod save_bar;
pub mod timeline;
pub mod upload;

#[cfg(feature = "ssr")]
pub mod address_card;
#[cfg(feature = "ssr")]
pub mod field;
#[cfg(feature = "ssr")]
pub mod frame;
#[cfg(feature = "ssr")]
pub mod pin_alert;
#[cfg(feature = "ssr")]
pub mod recording_alert;
#[cfg(feature = "ssr")]
pub mod room_head;
