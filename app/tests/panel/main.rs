//! The panel as a browser meets it: requests in, answers out, on a store in memory and conferences that are made up.

// Clippy knows tests by their attribute; what they are built on has none.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod announcement;
mod forms;
mod history;
mod house;
mod lines;
mod live;
