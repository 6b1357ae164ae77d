//! wslens: a WebSocket protocol analyzer and frame dissector.
pub mod capture;
pub mod cli;
pub mod explain;
pub mod http;
pub mod model;
pub mod net;
pub mod pipeline;
pub mod report;
pub mod tcp;
pub mod ws;
