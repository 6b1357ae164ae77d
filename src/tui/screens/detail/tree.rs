//! Rows of the JSON tree.

use super::content::Content;
use crate::json::{Json, JsonKind, Node, unquoted};
use crate::model::{Lang, beginning, width};
use crate::tui::theme::Role;
use crate::tui::widgets::text::fit;
use crate::tui::widgets::{Text, units};

/// Number of levels that are indented; deeper ones are not indented further.
const LEVELS: u32 = 24;
/// Widest column of keys.
const KEYS: usize = 20;

/// Returns the rows of the tree in a range, for a width of `columns`.
#[must_use]
pub fn lines(
    content: &Content,
    rows: std::ops::Range<usize>,
    cursor: usize,
    columns: usize,
    lang: Lang,
) -> Vec<Text> {
    let Some(json) = &content.json else { return Vec::new() };
    let visible: Vec<(usize, u32, &Node, Text)> = rows
        .filter_map(|row| {
            let at = *content.tree.get(row)?;
            let node = json.nodes.get(at as usize)?;
            Some((row, at, node, key(content, node)))
        })
        .collect();
    // The values of one object are aligned.
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
        line.append(&value(content, json, node, folded, columns.saturating_sub(line.width()), lang));
        if node.again {
            line.plainly("  ").add(Role::Warning, lang.pick("! duplicate key", "! 重复的键"));
        }
        line
    };
    visible.iter().map(line).collect()
}

/// Returns a node's key, or its place in an array.
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

fn value(content: &Content, json: &Json, node: &Node, folded: bool, columns: usize, lang: Lang) -> Text {
    let raw = json.text(content.bytes(), node);
    let mut text = Text::new();
    match node.kind {
        JsonKind::Object | JsonKind::Array => {
            let sign = match (node.children, folded) {
                (0, _) => " ",
                (_, true) => "▸",
                (_, false) => "▾",
            };
            let name = match node.kind {
                JsonKind::Object => lang.pick("object", "对象"),
                _ => lang.pick("array", "数组"),
            };
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
                // Combining marks take no columns.
                line.add(Role::Dim, "…");
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

/// Returns as much of a string as may be visible. Escapes are not cut; one takes at most twelve bytes a column.
fn head(raw: &[u8], columns: usize) -> &[u8] {
    let most = columns.saturating_mul(12).saturating_add(64);
    let (head, true) = beginning(raw, most) else { return raw };
    let tail = head.len().saturating_sub(12);
    let cut = head.iter().skip(tail).rposition(|byte| *byte == b'\\').map(|at| tail + at);
    head.get(..cut.unwrap_or(head.len())).unwrap_or(head)
}

/// Returns the line below the tree: the path of the value under the cursor.
#[must_use]
pub fn path(content: &Content, row: usize, columns: usize, lang: Lang) -> Text {
    let mut line = Text::of(Role::Plain, " ");
    let (Some(json), Some(node)) = (&content.json, content.tree.get(row)) else { return line };
    // A path may be as long as the message; only its beginning is visible.
    let most = columns.saturating_mul(32).saturating_add(64);
    let path = json.path_beginning(content.bytes(), *node as usize, most);
    line.add(Role::Title, lang.pick("path ", "路径 ")).captured(
        Role::Plain,
        path.as_bytes(),
        columns.saturating_sub(8),
    );
    let keys = Text::of(Role::Dim, lang.pick("y value  Y path ", "y 值  Y 路径 "));
    line.end_at(columns, &keys);
    line
}

/// Returns where and why the text stops being JSON.
#[must_use]
pub fn broken(content: &Content, columns: usize, lang: Lang) -> Option<Text> {
    let (at, why) = content.json.as_ref()?.error?;
    let mut line = Text::of(Role::Plain, " ");
    let words = if !content.detail.whole && at >= content.bytes().len() {
        lang.pick(
            format!("~ only the beginning is loaded: the tree ends at byte {}", units::grouped(at as u64)),
            format!("~ 只载入了开头：树到字节 {} 为止", units::grouped(at as u64)),
        )
    } else {
        let at = units::grouped(at as u64);
        lang.pick(
            format!("✗ not JSON from byte {at} on: {why}"),
            format!("✗ 从字节 {at} 起不是 JSON：{}", in_chinese(why)),
        )
    };
    line.add(Role::Warning, fit(&words, columns.saturating_sub(1)));
    debug_assert!(width(&line.plain()) <= columns.max(1));
    Some(line)
}

/// Returns the Chinese text of an error of the JSON reader.
fn in_chinese(why: &str) -> &str {
    match why {
        "too long" => "太长",
        "it ends too early" => "过早结束",
        "unexpected bytes after the value" => "值之后有多余的字节",
        "expected ':' after the key" => "键之后应为 ':'",
        "expected a key in quotes" => "应为带引号的键",
        "expected ',' or the end of the object or array" => "应为 ','，或对象或数组的结尾",
        "too many values for a tree" => "值太多，无法显示为树",
        "a string has no end" => "字符串没有结尾",
        "invalid escape" => "无效的转义",
        "unescaped control character in a string" => "字符串中有未转义的控制字符",
        "not UTF-8" => "不是 UTF-8",
        "expected a digit" => "应为数字",
        "expected a value" => "应为值",
        other => other,
    }
}
