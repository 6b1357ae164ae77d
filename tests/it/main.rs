//! Integration tests: captures in, records out.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

/// Answers to an upgrade request that are no 101, and none at all.
mod answers;
mod autopsy;
/// Captures made by the frame builder.
mod builder;
/// Application logs against what is read from the captures in the repository.
mod captures;
/// What was sent against what is read.
mod compare;
/// Compression that is rare or wrong.
mod compression;
/// Every class of the Autobahn test suite, as captures with verdicts.
mod conformance;
/// The machine output keeps its contract.
mod contract;
/// Frames of other people's captures against a truth made by other programs.
mod corpus;
/// What captures cost that are made to cost much.
mod cost;
/// The documents say what the code does.
mod docs;
/// Durations, and what follows from them.
mod durations;
/// Why connections ended, and their keep-alive.
mod endings;
/// Tricks against observers.
mod evasion;
/// The examples of the library.
mod examples;
mod exported;
/// Captures on which others fail.
mod failures;
/// Filters, against what other code makes of the output.
mod filter;
/// `-Y` on the command line.
mod filter_cli;
/// Every rule, broken and nearly broken.
mod findings;
/// Bytes that are no frames, and frames that never become complete.
mod foreign;
/// What the fuzzer found in the engine.
mod fuzzed;
/// `wslens handshake` on captures.
mod handshake;
/// Ctrl-C.
#[cfg(unix)]
mod interrupted;
/// TLS connections whose secrets come late.
#[cfg(feature = "tls")]
mod late;
/// Lessons and the page of claims.
mod lessons;
/// Every bound, and its flag.
mod limits;
/// `check` for CI systems.
mod lint;
/// Live capture on the loopback.
#[cfg(all(feature = "live", unix))]
mod live;
/// What the terminal UI costs on messages that are one long line.
mod long_lines;
/// Heads that the capture lacks.
mod lost;
/// Memory stays bounded.
mod memory;
/// Captures that begin in the middle of connections.
mod midstream;
/// Several WebSockets in one HTTP/2 connection.
mod multiplex;
/// Damaged captures.
mod mutations;
/// One direction only, and what is like it.
mod no_syn;
/// What the capture lacks is not made up.
mod not_captured;
/// Bodies, stray responses and drafts around the opening handshake.
mod odd_openings;
mod onesided;
/// Every way to open a WebSocket, with every fact of its handshake.
mod opened;
/// Outputs harm no input and no other file.
#[cfg(unix)]
mod outputs;
/// HTTP/2 in words: RFC 8441 in every view.
mod over_http2;
/// Real libraries as peers.
mod peers;
/// How the tests read: a capture in, parsed records out.
mod read;
/// Frames behind holes: the true ones, and most of them.
mod resync;
/// The import table holds.
mod rooms;
/// What is given up before captured bytes are read.
#[cfg(target_os = "linux")]
mod sandbox;
/// Short snap lengths.
mod snap_length;
/// What is no regular file.
#[cfg(unix)]
mod special_files;
/// Any segmentation, order, duplication and loss.
mod splits;
/// The opened capture.
mod store;
/// A person at a terminal: every screen, by a script.
#[cfg(unix)]
mod terminal;
/// Frames as tshark sees them.
mod tshark;
mod twice;
/// WebSockets inside TLS.
#[cfg(feature = "tls")]
mod wss;
#[cfg(feature = "tls")]
mod wss_http2;

#[path = "../support/mod.rs"]
mod support;
