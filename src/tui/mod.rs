//! The terminal UI.
//!
//! ```text
//! terminal ──► run ──► Event ──► App::update ──► Effect ──► run ──► files, clipboard, store
//!                                App, Index ──► view ──► buffer ──► terminal
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | [`app`] | the state, and how events change it |
//! | [`event`] | events and effects |
//! | [`commands`] | the table of commands, from which keys, footer, help and palette are made |
//! | [`keys`] | keys and their names |
//! | [`shared`] | state of all screens: selection, filter, details; `Ctx` to draw, `Turn` to act |
//! | [`details`] | details that were loaded on demand |
//! | [`order`] | the order of the rows of a connection, and the gaps between them |
//! | [`choice`] | the connections that a filter selects |
//! | [`records`] | rows as records of a filter |
//! | [`live`] | a live capture: follow, pause, rates |
//! | [`screens`] | the screens, one file each |
//! | [`overlays`] | help, palette, menus, input lines |
//! | [`copy_export`] | the menus of "copy as" and "export" |
//! | [`view`] | the rows around the screen |
//! | [`widgets`] | text, lists, tables, bytes, panes |
//! | [`theme`], [`ascii`] | roles and colors, and glyphs in ASCII |
//! | [`run`] | the loop: terminal, clock, files; everything else is pure |
//!
//! Rules: drawing changes no state and builds only visible rows. New data never moves cursor, view or focus.
//! Captured text is made safe by [`crate::model::safe`] before it is drawn.

pub mod app;
pub mod ascii;
pub mod choice;
pub mod commands;
pub mod copy_export;
pub mod details;
pub mod event;
pub mod keys;
pub mod live;
pub mod order;
pub mod overlays;
pub mod records;
pub mod run;
pub mod screens;
pub mod shared;
pub mod theme;
pub mod view;
pub mod widgets;

#[cfg(test)]
mod tests;

pub use app::App;
pub use ascii::Signs;
pub use event::{Effect, Event};
pub use theme::{Colors, Looks, Theme};
