//! JSON (RFC 8259): one reader and one writer.
//!
//! [`read`] parses a text into values with their ranges, [`Path`] finds values without parsing the whole text, and
//! [`json_string`] writes strings fast. [`write_value`] writes whole values that need no speed through `serde_json`, with
//! the same escapes.

mod path;
mod tree;
mod write;

pub use path::{Number, Path, number, text};
pub use tree::{Json, JsonKind, Node, read, unquoted};
pub use write::{json_key, json_string, write_value};
