//! The rows: every command with its keys, where they do it, and the words for it.

use super::Group::{Everywhere, Find, Move, Screen};
use super::{Cmd, Command, Group, Scope};

const fn row(
    cmd: Cmd,
    keys: &'static [&'static str],
    scope: Scope,
    group: Group,
    short: &'static str,
    words: &'static str,
) -> Command {
    Command { cmd, keys, scope, group, short, words }
}

const DOWN: Scope = Scope::SCREENS;
const COMES: Scope = Scope::LISTS.or(Scope::STATS);

static EVERYWHERE: &[Command] = &[
    row(
        Cmd::Help,
        &["?", "F1"],
        Scope::SCREENS,
        Everywhere,
        "help",
        "the keys of this screen; type to search them",
    ),
    row(
        Cmd::Palette,
        &[":", "Ctrl-p"],
        Scope::SCREENS,
        Everywhere,
        "commands",
        "all commands by name; a number goes to that row",
    ),
    row(Cmd::GoConnections, &["1"], Scope::SCREENS, Everywhere, "conns", "connections"),
    row(Cmd::GoHandshake, &["2"], Scope::SCREENS, Everywhere, "shake", "opening handshake"),
    row(Cmd::GoMessages, &["3"], Scope::SCREENS, Everywhere, "msgs", "messages"),
    row(Cmd::GoFrame, &["4"], Scope::SCREENS, Everywhere, "frame", "frame, bit by bit"),
    row(Cmd::GoLadder, &["5"], Scope::SCREENS, Everywhere, "ladder", "ladder: the conversation as a diagram"),
    row(Cmd::GoStats, &["6"], Scope::SCREENS, Everywhere, "stats", "stats: bytes, rates, round trips"),
    row(Cmd::GoFindings, &["7"], Scope::SCREENS, Everywhere, "expert", "findings: what is wrong"),
    row(Cmd::GoLayers, &["8"], Scope::SCREENS, Everywhere, "layers", "layers of this frame"),
    row(Cmd::GoLearn, &["9"], Scope::SCREENS, Everywhere, "learn", "learn: lessons"),
    row(
        Cmd::WhatIf,
        &["w"],
        Scope::SCREENS.but(Scope::FRAME).but(Scope::DETAIL),
        Everywhere,
        "what-if",
        "frame builder: build a frame, see which rules it breaks",
    ),
    row(Cmd::NextPane, &["Tab"], Scope::SCREENS, Everywhere, "pane", "next pane"),
    row(Cmd::PreviousPane, &["Shift-Tab"], Scope::SCREENS, Everywhere, "pane", "previous pane"),
    row(Cmd::Zoom, &["\\"], Scope::SCREENS, Everywhere, "zoom", "show this pane alone, or all panes"),
    row(Cmd::Layout, &["|"], Scope::SCREENS, Everywhere, "layout", "change the pane layout"),
    row(
        Cmd::Back,
        &["Esc", "Backspace", "Left", "h"],
        Scope::SCREENS.but(Scope::FRAME).but(Scope::DETAIL).but(Scope::BUILDER).but(Scope::LEARN),
        Everywhere,
        "back",
        "one level up",
    ),
    row(
        Cmd::Back,
        &["Esc", "Backspace"],
        Scope::FRAME.or(Scope::DETAIL).or(Scope::BUILDER).or(Scope::LEARN),
        Everywhere,
        "back",
        "one level up",
    ),
    row(
        Cmd::Lesson,
        &["L"],
        Scope::SCREENS.but(Scope::LEARN),
        Everywhere,
        "lesson",
        "open the lesson about the selected item, with this capture's values",
    ),
    row(
        Cmd::StopReading,
        &["Ctrl-x"],
        Scope::SCREENS,
        Everywhere,
        "stop reading",
        "stop reading and keep what was read; again: continue",
    ),
    row(
        Cmd::NextLanguage,
        &["F2"],
        Scope::SCREENS,
        Everywhere,
        "language",
        "switch the language of explanations: English, 简体中文",
    ),
    row(
        Cmd::Story,
        &["F6"],
        Scope::SCREENS,
        Everywhere,
        "story",
        "write this connection's story, from SYN to FIN, as Markdown",
    ),
    row(
        Cmd::NextTheme,
        &["F3"],
        Scope::SCREENS,
        Everywhere,
        "theme",
        "next theme: dark, light, high-contrast, mono",
    ),
    row(
        Cmd::ToggleMouse,
        &["F4"],
        Scope::SCREENS,
        Everywhere,
        "mouse",
        "use the mouse in wslens, or to select text in the terminal",
    ),
    row(Cmd::Redraw, &["Ctrl-l"], Scope::SCREENS, Everywhere, "redraw", "redraw the screen"),
    row(Cmd::Suspend, &["Ctrl-z"], Scope::SCREENS, Everywhere, "suspend", "back to the shell; fg returns"),
    row(Cmd::Quit, &["q", "Ctrl-c"], Scope::SCREENS, Everywhere, "quit", "quit"),
];

static MOVE: &[Command] = &[
    row(Cmd::Down, &["j", "Down"], DOWN, Move, "down", "one row down"),
    row(Cmd::Up, &["k", "Up"], DOWN, Move, "up", "one row up"),
    row(Cmd::HalfDown, &["Ctrl-d"], DOWN, Move, "half page", "half a page down"),
    row(Cmd::HalfUp, &["Ctrl-u"], DOWN, Move, "half page", "half a page up"),
    row(Cmd::PageDown, &["PgDn"], DOWN, Move, "page", "a page down"),
    row(Cmd::PageUp, &["PgUp"], DOWN, Move, "page", "a page up"),
    row(Cmd::First, &["g", "Home"], DOWN.but(Scope::FINDINGS), Move, "first", "first row"),
    row(Cmd::First, &["Home"], Scope::FINDINGS, Move, "first", "first row"),
    row(Cmd::Last, &["G", "End"], DOWN, Move, "last", "last row"),
    row(Cmd::GoTo, &["#"], Scope::LISTS, Move, "go to", "go to a row by its number"),
    row(
        Cmd::Open,
        &["Enter", "Right", "l"],
        DOWN.but(Scope::FRAME).but(Scope::DETAIL).but(Scope::BUILDER).but(Scope::LEARN),
        Move,
        "open",
        "open the selected item",
    ),
    row(
        Cmd::Open,
        &["Enter"],
        Scope::DETAIL.or(Scope::FRAME).or(Scope::LEARN),
        Move,
        "open",
        "open the selected item",
    ),
    row(
        Cmd::Open,
        &["Enter"],
        Scope::BUILDER,
        Move,
        "look at",
        "open the frame on the Frame screen; run the experiment",
    ),
    row(Cmd::NextFinding, &["]e"], Scope::LISTS, Move, "next finding", "next row with a finding"),
    row(Cmd::PreviousFinding, &["[e"], Scope::LISTS, Move, "previous finding", "previous row with a finding"),
];

static FIND: &[Command] = &[
    row(Cmd::Filter, &["f", "&"], Scope::LISTS, Find, "filter", "show only rows that match; empty shows all"),
    row(Cmd::ClearFilter, &["Ctrl-f"], Scope::LISTS, Find, "no filter", "show all rows again"),
    row(Cmd::FilterThis, &["."], Scope::LISTS, Find, "filter to this", "show only rows like this one"),
    row(
        Cmd::Search,
        &["/"],
        Scope::LISTS.or(Scope::DETAIL),
        Find,
        "search",
        "search the listed rows for text",
    ),
    row(Cmd::SearchNext, &["n"], Scope::LISTS, Find, "next", "next hit"),
    row(Cmd::SearchPrevious, &["N"], Scope::LISTS, Find, "previous", "previous hit"),
    row(
        Cmd::Mark,
        &["Space"],
        Scope::CONNECTIONS.or(Scope::MESSAGES),
        Find,
        "mark",
        "mark or unmark this row",
    ),
    row(Cmd::NextMark, &["'"], Scope::CONNECTIONS.or(Scope::MESSAGES), Find, "next mark", "next marked row"),
    row(
        Cmd::OnlyMarked,
        &["M"],
        Scope::CONNECTIONS.or(Scope::MESSAGES),
        Find,
        "only marked",
        "show only marked rows, or all",
    ),
    row(Cmd::Copy, &["y"], Scope::SCREENS, Find, "copy", "copy the value under the cursor"),
    row(
        Cmd::CopyAs,
        &["Y"],
        Scope::SCREENS.but(Scope::DETAIL),
        Find,
        "copy as",
        "copy as text, JSON, hex, base64, code and more",
    ),
    row(Cmd::Export, &["e"], Scope::SCREENS.but(Scope::DETAIL), Find, "export", "export to a file"),
    row(Cmd::SaveAll, &["Ctrl-s"], Scope::SCREENS, Find, "save", "save the whole capture (also :save FILE)"),
];

static CONNECTIONS: &[Command] = &[
    row(
        Cmd::Sort,
        &["s"],
        Scope::CONNECTIONS,
        Screen,
        "sort",
        "next order: first seen, messages, bytes, duration, findings",
    ),
    row(Cmd::SortBackwards, &["r"], Scope::CONNECTIONS, Screen, "reverse", "reverse the order"),
];

static HANDSHAKE: &[Command] = &[
    row(
        Cmd::Curl,
        &["p"],
        Scope::HANDSHAKE,
        Screen,
        "curl",
        "copy a curl command that repeats this handshake",
    ),
    row(Cmd::Raw, &["x"], Scope::HANDSHAKE, Screen, "raw bytes", "show the heads as bytes"),
    row(
        Cmd::Verify,
        &["v"],
        Scope::HANDSHAKE,
        Screen,
        "verify a key",
        "compute Sec-WebSocket-Accept for any key",
    ),
];

/// What makes sense while a capture goes on.
static LIVE: &[Command] = &[
    row(
        Cmd::Follow,
        &["F"],
        Scope::MESSAGES,
        Screen,
        "follow",
        "follow the newest row while capturing; moving up stops following",
    ),
    row(Cmd::Pause, &["p"], COMES, Screen, "pause", "pause or resume the lists; the capture continues"),
    row(Cmd::StopCapture, &["S"], COMES, Screen, "stop", "stop capturing and keep what was captured"),
];

static MESSAGES: &[Command] = &[
    row(Cmd::Frames, &["m"], Scope::MESSAGES, Screen, "msgs⇄frames", "list messages, or frames"),
    row(Cmd::Direction, &["d"], Scope::MESSAGES, Screen, "dir", "show both directions, only →, only ←"),
    row(Cmd::Kind, &["o"], Scope::MESSAGES, Screen, "type", "show all types, only data, only control frames"),
];

static DETAIL: &[Command] = &[
    row(Cmd::NextView, &["t", "]"], Scope::DETAIL, Screen, "view", "next view: JSON, text, hex, raw"),
    row(Cmd::PreviousView, &["T", "["], Scope::DETAIL, Screen, "view", "previous view"),
    row(Cmd::NextFrame, &["n"], Scope::DETAIL, Screen, "next message", "next message"),
    row(Cmd::PreviousFrame, &["p"], Scope::DETAIL, Screen, "previous message", "previous message"),
    row(Cmd::Collapse, &["h", "Left"], Scope::DETAIL, Screen, "fold", "fold, or go to the parent"),
    row(Cmd::Expand, &["l", "Right"], Scope::DETAIL, Screen, "unfold", "unfold, or go to the first child"),
    row(Cmd::NextSibling, &["J"], Scope::DETAIL, Screen, "next sibling", "next item of the same object"),
    row(
        Cmd::PreviousSibling,
        &["K"],
        Scope::DETAIL,
        Screen,
        "previous sibling",
        "previous item of the same object",
    ),
    row(Cmd::SearchNext, &["Ctrl-n"], Scope::DETAIL, Screen, "next hit", "next hit of the search"),
    row(Cmd::Wrap, &["w"], Scope::DETAIL, Screen, "wrap", "wrap or cut long lines"),
    row(Cmd::CopyPath, &["Y"], Scope::DETAIL, Screen, "copy path", "copy the path of this value"),
    row(Cmd::Save, &["e"], Scope::DETAIL, Screen, "save", "write the message's bytes to a file"),
];

static FRAME: &[Command] = &[
    row(Cmd::NextBit, &["l", "Right"], Scope::FRAME, Screen, "next bit", "next bit"),
    row(Cmd::PreviousBit, &["h", "Left"], Scope::FRAME, Screen, "previous bit", "previous bit"),
    row(Cmd::NextFrame, &["n"], Scope::FRAME.or(Scope::LAYERS), Screen, "next frame", "next frame"),
    row(
        Cmd::PreviousFrame,
        &["p"],
        Scope::FRAME.or(Scope::LAYERS),
        Screen,
        "previous frame",
        "previous frame",
    ),
    row(Cmd::Unmask, &["u"], Scope::FRAME, Screen, "unmask", "show the payload masked, or unmasked"),
    row(Cmd::WhatIf, &["w"], Scope::FRAME, Screen, "what-if", "edit this frame and see what changes"),
    row(
        Cmd::Base,
        &["b"],
        Scope::FRAME,
        Screen,
        "bin/hex/dec",
        "show values in binary, hexadecimal, decimal",
    ),
];

static BUILDER: &[Command] = &[
    row(Cmd::Toggle, &["Space"], Scope::BUILDER, Screen, "toggle", "flip the bit, or choose the next value"),
    row(Cmd::More, &["l", "Right"], Scope::BUILDER, Screen, "next value", "next value"),
    row(Cmd::Less, &["h", "Left"], Scope::BUILDER, Screen, "value before", "value before"),
    row(
        Cmd::Edit,
        &["i", "t"],
        Scope::BUILDER,
        Screen,
        "edit",
        "type a value: payload, key, opcode, fragments",
    ),
    row(Cmd::EditHex, &["x"], Scope::BUILDER, Screen, "edit hex", "type the payload in hex"),
    row(Cmd::NewKey, &["r"], Scope::BUILDER, Screen, "new key", "generate a new masking key"),
    row(Cmd::Undo, &["u"], Scope::BUILDER, Screen, "undo", "undo the last change"),
    row(Cmd::Reset, &["0"], Scope::BUILDER, Screen, "reset", "restore the original frame"),
    row(
        Cmd::SaveCapture,
        &["s"],
        Scope::BUILDER,
        Screen,
        "save",
        "write a connection with these frames as a pcapng",
    ),
];

static LADDER: &[Command] = &[
    row(Cmd::TimeScale, &["t"], Scope::LADDER, Screen, "time scale", "space events by time, or evenly"),
    row(Cmd::Control, &["c"], Scope::LADDER, Screen, "control", "show or hide control frames"),
    row(Cmd::Tcp, &["T"], Scope::LADDER, Screen, "tcp", "show or hide TCP's own packets"),
    row(Cmd::Fold, &["z"], Scope::LADDER, Screen, "fold", "fold repeated rows, or unfold them"),
];

static STATS: &[Command] = &[
    row(Cmd::Scope, &["A"], Scope::STATS, Screen, "scope", "this connection, or all"),
    row(Cmd::Model, &["P"], Scope::STATS, Screen, "model", "change the HTTP model"),
];

static FINDINGS: &[Command] = &[
    row(Cmd::Group, &["g"], Scope::FINDINGS, Screen, "group", "by severity, by connection, by code, by time"),
    row(Cmd::Severity, &["s"], Scope::FINDINGS, Screen, "severity", "choose the lowest severity to show"),
];

static LAYERS: &[Command] = &[row(
    Cmd::Names,
    &["o"],
    Scope::LAYERS,
    Screen,
    "OSI/TCP-IP names",
    "switch between OSI and TCP/IP layer names",
)];

static LEARN: &[Command] = &[
    row(Cmd::Hint, &["h"], Scope::LEARN, Screen, "hint", "show a hint, then the answer"),
    row(
        Cmd::NextStep,
        &["n", "Right"],
        Scope::LEARN,
        Screen,
        "next step",
        "next step, even if this one is not done",
    ),
    row(Cmd::PreviousStep, &["p", "Left"], Scope::LEARN, Screen, "previous step", "previous step"),
    row(Cmd::Bits, &["b", "Ctrl-b"], Scope::LEARN, Screen, "bits", "show these values as bits"),
];

static ON_TOP: &[Command] = &[
    row(Cmd::Apply, &["Enter"], Scope::INPUT.or(Scope::POPUP), Screen, "apply", "apply it"),
    row(Cmd::Cancel, &["Esc", "Ctrl-c"], Scope::INPUT.or(Scope::POPUP), Screen, "cancel", "cancel"),
    row(Cmd::Complete, &["Tab"], Scope::INPUT, Screen, "complete", "complete the word"),
    row(Cmd::Older, &["Up"], Scope::INPUT.or(Scope::POPUP), Screen, "up", "row above; older input"),
    row(Cmd::Newer, &["Down"], Scope::INPUT.or(Scope::POPUP), Screen, "down", "row below; newer input"),
];

/// All commands, in the order of help and palette.
pub fn all() -> impl Iterator<Item = &'static Command> {
    let sections = [
        CONNECTIONS,
        HANDSHAKE,
        MESSAGES,
        LIVE,
        DETAIL,
        FRAME,
        BUILDER,
        LADDER,
        STATS,
        FINDINGS,
        LAYERS,
        LEARN,
        MOVE,
        FIND,
        EVERYWHERE,
        ON_TOP,
    ];
    sections.into_iter().flatten()
}
