//! wslens: a WebSocket protocol analyzer and frame dissector.
//!
//! ```text
//! capture ──► net ──► tcp ─┬──► http ──► ws ──► report
//!                          └ tls ┘
//! packets   segments  order  handshake frames  records
//!           └──────── pipeline ──────────┘
//! ```
//!
//! Bytes go in at one end, records come out at the other; nothing flows back. Each room has one task,
//! and this table says which rooms it may import and what of the world outside it may touch. A row names
//! only rooms above it, so there are no circles; `tests/it/rooms.rs` reads the table and checks the code.
//!
//! | room | may use | may touch |
//! | --- | --- | --- |
//! | model | – | nothing |
//! | json | model | nothing |
//! | sandbox | – | files streams environment terminal |
//! | output | sandbox | files streams environment |
//! | capture | model output | files threads streams |
//! | capture::stop | – | files clock |
//! | capture::sniff | model capture output | files threads clock |
//! | net | model | nothing |
//! | tcp | model | nothing |
//! | tls | model | nothing |
//! | http | model | nothing |
//! | ws | model | nothing |
//! | subproto | model ws | nothing |
//! | pipeline | model net tcp tls http ws subproto | nothing |
//! | filter | model json pipeline ws | nothing |
//! | autopsy | model pipeline ws subproto | nothing |
//! | present | model | nothing |
//! | cli::style | present | terminal streams environment |
//! | report | model json pipeline ws subproto filter autopsy present | nothing |
//! | explain | model json http ws present | nothing |
//! | build | model http ws report | nothing |
//! | drive | model capture pipeline ws | nothing |
//! | store | model capture net pipeline ws autopsy drive | files threads clock |
//! | story | model present http pipeline ws subproto autopsy report explain store | nothing |
//! | export | model output capture filter pipeline ws report drive store | files |
//! | cli::signals | capture | terminal streams |
//! | learn | model capture net http ws report store | nothing |
//! | tui | model json present filter http pipeline ws autopsy report explain build store story export learn | nothing |
//! | tui::run | model output filter pipeline ws store export learn tui | terminal streams clock files threads |
//! | cli | all | files streams environment clock |
//!
//! - `net`, `tcp`, `http` and `ws` know nothing of each other: only `pipeline` knows the order of the layers.
//! - Time comes from packets, never from a clock: the same capture gives the same records every day.
//! - nom is used in `capture/classic.rs`, `capture/pcapng/body.rs`, `http/extension.rs`, `http/head.rs`,
//!   `http/proxy.rs` and `ws/frame.rs`, and its types do not leave these files.
//!
//! # As a library
//!
//! [`capture::Capture`] reads packets, [`pipeline::Pipeline`] takes them, and a [`pipeline::Sink`] of yours takes what it
//! finds; [`drive::run`] joins the three. Two examples begin there: `examples/messages.rs` prints the messages of a file,
//! `examples/push.rs` feeds packets from a source of its own.
//!
//! A rule that was broken is a value ([`model::Finding`]), not an error: wire bytes cannot fail, they
//! can only surprise.

#[doc(hidden)]
pub mod autopsy;
#[doc(hidden)]
pub mod build;
pub mod capture;
#[doc(hidden)]
pub mod cli;
pub mod drive;
#[doc(hidden)]
pub mod explain;
#[doc(hidden)]
pub mod export;
pub mod filter;
pub mod http;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod learn;
pub mod model;
pub mod net;
#[doc(hidden)]
pub mod output;
pub mod pipeline;
#[doc(hidden)]
pub mod present;
pub mod report;
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod story;
pub mod subproto;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
#[doc(hidden)]
pub mod tui;
pub mod ws;

/// Captures without an end, for tests of several rooms.
#[cfg(test)]
#[path = "../tests/support/endless.rs"]
#[allow(dead_code)]
mod endless;
