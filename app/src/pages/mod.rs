//! The pages, a file each; the folders mirror the paths. Rendered on the server alone.

#![allow(unreachable_pub, reason = "`component` makes its properties `pub`, whatever the component is")]

pub(crate) mod app;
mod control;
mod follow;
mod lines;
mod live;
mod login;
mod not_found;
mod rooms;
mod setup;
