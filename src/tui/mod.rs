//! The terminal UI: what a capture holds, looked at with keys and mouse.
//!
//! ```text
//! terminal ──► run ──► Event ──► App::update ──► Effect ──► run ──► files, clipboard, store
//!                                App, Index ──► view ──► buffer ──► terminal
//! ```
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`app`] | the state, and what events make of it |
//! | [`event`] | events and effects |
//! | [`commands`] | the one table of commands; keys, footer, help and palette come from it |
//! | [`keys`] | keys and their names |
//! | [`shared`] | what all screens share: selection, filter, details; `Ctx` to draw, `Turn` to act |
//! | [`details`] | what was loaded |
//! | [`order`] | in which order the rows of a connection stand, and where bytes are missing |
//! | [`choice`] | which connections a filter chooses |
//! | [`records`] | rows as a filter asks about them |
//! | [`live`] | a capture that goes on: follow, pause, rates |
//! | [`screens`] | the screens, one file each |
//! | [`overlays`] | help, palette, menus, input lines |
//! | [`taking`] | copy as, export |
//! | [`view`] | the rows around the screen |
//! | [`widgets`] | text, lists, bytes, panes |
//! | [`theme`], [`ascii`] | looks: roles, and signs in ASCII |
//! | [`run`] | the loop: terminal, clock, files; everything else is pure |
//!
//! Rules: drawing changes nothing and builds only what is in sight. New data never moves cursor, view or focus.
//! Captured text passes [`crate::model::safe`] before it gets into a cell.

pub mod app;
pub mod ascii;
pub mod choice;
pub mod commands;
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
pub mod taking;
pub mod theme;
pub mod view;
pub mod widgets;

#[cfg(test)]
mod tests;

pub use app::App;
pub use ascii::Signs;
pub use event::{Effect, Event};
pub use theme::{Colors, Looks, Theme};
