//! Rows of the JSON tree.

use super::content::Content;
use crate::json::{Json, JsonKind, Node, unquoted};
use crate::model::{beginning, width};
use crate::tui::theme::Role;
use crate::tui::widgets::text::fit;
use crate::tui::widgets::{Text, units};

/// Levels that are indented; what is deeper stands below these.
const LEVELS: u32 = 24;
/// Widest column of keys.
const KEYS: usize = 20;

/// The rows of the tree that are in sight, each cut to `columns`.
#[must_use]
pub fn lines(content: &Content, rows: std::ops::Range<usize>, cursor: usize, columns: usize) -> Vec<Text> {
    let Some(json) = &content.json else { return Vec::new() };
    let visible: Vec<(usize, u32, &Node, Text)> = rows
        .filter_map(|row| {
            let at = *content.tree.get(row)?;
            let node = json.nodes.get(at as usize)?;
            Some((row, at, node, key(content, node)))
        })
        .collect();
    // Values of one object stand below each other.
    let wide = |parent: u32| {
        let own = visible.iter().filter(|(_, at, node, _)| node.parent == parent && *at != parent);
        own.map(|(_, _, _, key)| key.width()).max().unwrap_or(0).min(KEYS)
    };
    let line = |(row, at, node, key): &(usize, u32, &Node, Text)| {
        let mut line = Text::of(Role::Title, if *row == cursor { "▸" } else { " " });
        for _ in 0..node.depth.min(LEVELS) {
            line.add(Role::Dim, "│ ");
        }
        if node.depth > LEVELS {
            line.add(Role::Dim, format!("…{} ", node.depth));
        }
        if node.parent != *at {
            let end = line.width() + wide(node.parent);
            line.append(key).pad_to(end).plainly("  ");
        }
        let folded = content.folded.contains(at);
        line.append(&value(content, json, node, folded, columns.saturating_sub(line.width())));
        if node.again {
            line.plainly("  ").add(Role::Warning, "! duplicate key");
        }
        line
    };
    visible.iter().map(line).collect()
}

/// A node's key, or its place in an array.
fn key(content: &Content, node: &Node) -> Text {
    let mut text = Text::new();
    match &node.key {
        Some(key) => {
            let raw = content.bytes().get(key.start as usize..key.end as usize).unwrap_or_default();
            text.captured(Role::Key, &unquoted(head(raw, KEYS)), KEYS);
        }
        None => {
            text.add(Role::Dim, node.index.to_string());
        }
    }
    text
}

fn value(content: &Content, json: &Json, node: &Node, folded: bool, columns: usize) -> Text {
    let raw = json.text(content.bytes(), node);
    let mut text = Text::new();
    match node.kind {
        JsonKind::Object | JsonKind::Array => {
            let sign = match (node.children, folded) {
                (0, _) => " ",
                (_, true) => "▸",
                (_, false) => "▾",
            };
            let name = if node.kind == JsonKind::Object { "object" } else { "array" };
            text.add(Role::Dim, sign).plainly(format!(" {name} ({})", units::grouped(node.children.into())));
            if folded {
                text.plainly("  ");
                let room = columns.saturating_sub(text.width());
                let mut short = Text::new();
                short.captured(Role::Plain, raw, room);
                text.append(&short.in_role(Role::Dim));
            }
        }
        JsonKind::String => {
            let room = columns.saturating_sub(2);
            let shown = head(raw, columns);
            let mut line = Text::new();
            line.captured(Role::Plain, &unquoted(shown), room);
            if shown.len() < raw.len() && line.width() < room {
                line.add(Role::Dim, "…"); // Most of it is combining marks, which fill no columns.
            }
            text.plainly("\"").append(&line).plainly("\"");
        }
        JsonKind::Number => {
            text.captured(Role::Ok, raw, columns);
        }
        JsonKind::Word => {
            text.captured(Role::Control, raw, columns);
        }
    }
    text
}

/// As much of a string as may be in sight: no escape is cut in two, and none takes more than twelve bytes a column.
fn head(raw: &[u8], columns: usize) -> &[u8] {
    let most = columns.saturating_mul(12).saturating_add(64);
    let (head, true) = beginning(raw, most) else { return raw };
    let tail = head.len().saturating_sub(12);
    let cut = head.iter().skip(tail).rposition(|byte| *byte == b'\\').map(|at| tail + at);
    head.get(..cut.unwrap_or(head.len())).unwrap_or(head)
}

/// The line below the tree: where the cursor is.
#[must_use]
pub fn path(content: &Content, row: usize, columns: usize) -> Text {
    let mut line = Text::of(Role::Plain, " ");
    let (Some(json), Some(node)) = (&content.json, content.tree.get(row)) else { return line };
    // A path may be as long as the message; only its beginning is visible.
    let most = columns.saturating_mul(32).saturating_add(64);
    let path = json.path_beginning(content.bytes(), *node as usize, most);
    line.add(Role::Title, "path ").captured(Role::Plain, path.as_bytes(), columns.saturating_sub(8));
    let keys = Text::of(Role::Dim, "y value  Y path ");
    line.end_at(columns, &keys);
    line
}

/// Why it is no JSON from some place on.
#[must_use]
pub fn broken(content: &Content, columns: usize) -> Option<Text> {
    let (at, why) = content.json.as_ref()?.error?;
    let mut line = Text::of(Role::Plain, " ");
    let words = if !content.detail.whole && at >= content.bytes().len() {
        format!("~ only the beginning was loaded: the tree ends at byte {}", units::grouped(at as u64))
    } else {
        format!("✗ not JSON from byte {} on: {why}", units::grouped(at as u64))
    };
    line.add(Role::Warning, fit(&words, columns.saturating_sub(1)));
    debug_assert!(width(&line.plain()) <= columns.max(1));
    Some(line)
}
