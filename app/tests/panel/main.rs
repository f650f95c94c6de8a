//! The panel as a browser meets it: requests in, answers out, on a store in memory and conferences that are made up.

mod access;
mod forms;
mod house;
mod live;
