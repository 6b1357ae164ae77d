//! The table of commands. Keys, footer, help, palette and docs/KEYS.md are made from it.
//!
//! To add a command: a name in [`Cmd`], a row in the section of its screen in `table`, and an arm in that screen's
//! `act`. Tests check that no key has two meanings in one place.

mod table;

pub use table::all;

use super::keys::{Press, sequence};
use crate::model::{Bilingual, both};

/// A command. The rows of the table describe each.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmd {
    // Everywhere
    Help,
    Palette,
    Quit,
    Back,
    GoConnections,
    GoHandshake,
    GoMessages,
    GoFrame,
    GoLadder,
    GoStats,
    GoFindings,
    GoLayers,
    GoLearn,
    NextPane,
    PreviousPane,
    Zoom,
    Layout,
    Redraw,
    Suspend,
    NextTheme,
    NextLanguage,
    Story,
    ToggleMouse,
    StopReading,
    // Live capture
    Follow,
    Pause,
    StopCapture,
    // Movement
    Down,
    Up,
    First,
    Last,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    GoTo,
    Open,
    // Lists
    Filter,
    ClearFilter,
    FilterThis,
    Search,
    SearchNext,
    SearchPrevious,
    Mark,
    NextMark,
    OnlyMarked,
    NextFinding,
    PreviousFinding,
    Copy,
    CopyAs,
    Export,
    /// Save the complete capture.
    SaveAll,
    // Connections
    Sort,
    SortBackwards,
    // Messages
    Frames,
    Direction,
    Kind,
    // Handshake
    Curl,
    Raw,
    Verify,
    // Message detail
    NextView,
    PreviousView,
    Wrap,
    Pager,
    Save,
    CopyPath,
    Collapse,
    Expand,
    NextSibling,
    PreviousSibling,
    // Frame and layers
    NextFrame,
    PreviousFrame,
    NextBit,
    PreviousBit,
    Unmask,
    Base,
    WhatIf,
    Names,
    // Frame builder
    Toggle,
    More,
    Less,
    Edit,
    EditHex,
    NewKey,
    Undo,
    Reset,
    SaveCapture,
    // Ladder
    TimeScale,
    Control,
    Tcp,
    Fold,
    // Stats
    Scope,
    Model,
    Formula,
    // Findings
    Group,
    Severity,
    Lesson,
    // Lessons
    Hint,
    NextStep,
    PreviousStep,
    Bits,
    // Input lines and popups
    Apply,
    Cancel,
    Complete,
    Older,
    Newer,
}

/// The places where keys have a meaning: screens, input lines, popups. A set of places is a bit set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope(pub u32);

impl Scope {
    /// Connections.
    pub const CONNECTIONS: Self = Self(1);
    /// Handshake.
    pub const HANDSHAKE: Self = Self(1 << 1);
    /// Messages or frames of a connection.
    pub const MESSAGES: Self = Self(1 << 2);
    /// One message.
    pub const DETAIL: Self = Self(1 << 3);
    /// One frame.
    pub const FRAME: Self = Self(1 << 4);
    /// Ladder.
    pub const LADDER: Self = Self(1 << 5);
    /// Stats.
    pub const STATS: Self = Self(1 << 6);
    /// Findings.
    pub const FINDINGS: Self = Self(1 << 7);
    /// Layers.
    pub const LAYERS: Self = Self(1 << 8);
    /// Learn.
    pub const LEARN: Self = Self(1 << 9);
    /// An input line: filter, search, go to.
    pub const INPUT: Self = Self(1 << 10);
    /// A popup: help, palette, menu.
    pub const POPUP: Self = Self(1 << 11);

    /// The frame builder.
    pub const BUILDER: Self = Self(1 << 12);

    /// All screens.
    pub const SCREENS: Self = Self(((1 << 10) - 1) | Self::BUILDER.0);
    /// Screens with a list of rows.
    pub const LISTS: Self = Self(Self::CONNECTIONS.0 | Self::MESSAGES.0 | Self::LADDER.0 | Self::FINDINGS.0);
    /// Screens with a selected message.
    pub const OF_MESSAGE: Self =
        Self(Self::MESSAGES.0 | Self::DETAIL.0 | Self::FRAME.0 | Self::LADDER.0 | Self::LAYERS.0);

    /// Returns the union of two sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns a set without another one.
    #[must_use]
    pub const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether two sets have a place in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The section of the help that lists a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Commands of one screen.
    Screen,
    /// Movement.
    Move,
    /// Find, copy, export.
    Find,
    /// Commands of all screens.
    Everywhere,
}

impl Group {
    /// All groups, in the order of the help.
    pub const ALL: [Self; 4] = [Self::Screen, Self::Move, Self::Find, Self::Everywhere];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> Bilingual {
        match self {
            Self::Screen => both("This screen", "此画面"),
            Self::Move => both("Move", "移动"),
            Self::Find => both("Find, copy, export", "查找、复制、导出"),
            Self::Everywhere => both("Everywhere", "所有画面"),
        }
    }
}

/// A command and its keys in some places.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The command.
    pub cmd: Cmd,
    /// Its keys, the one to show first. Several presses in sequence are one word: `]e`.
    pub keys: &'static [&'static str],
    /// Where these keys run it.
    pub scope: Scope,
    /// The section of the help.
    pub group: Group,
    /// One or two words, for the footer.
    pub short: Bilingual,
    /// Its description.
    pub words: Bilingual,
}

impl Command {
    /// Returns all of its words, so that searches find it in either language.
    #[must_use]
    pub fn text(&self) -> String {
        [self.short.en, self.words.en, self.short.zh, self.words.zh].join(" ")
    }
}

/// Returns the row of a command in a place.
#[must_use]
pub fn find(cmd: Cmd, scope: Scope) -> Option<&'static Command> {
    all().find(|row| row.cmd == cmd && row.scope.meets(scope))
}

/// Returns the key to show for a command in a place.
#[must_use]
pub fn key_of(cmd: Cmd, scope: Scope) -> Option<&'static str> {
    find(cmd, scope).and_then(|row| row.keys.first().copied())
}

/// The meaning of some presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A command.
    Do(Cmd),
    /// The beginning of a longer sequence.
    Begins,
    /// Nothing.
    Nothing,
}

/// Returns the meaning of presses in a place.
#[must_use]
pub fn meaning(presses: &[Press], scope: Scope) -> Meaning {
    let mut begins = false;
    for row in all().filter(|row| row.scope.meets(scope)) {
        for key in row.keys {
            let sequence = sequence(key);
            if sequence == presses {
                return Meaning::Do(row.cmd);
            }
            begins |= sequence.starts_with(presses);
        }
    }
    if begins { Meaning::Begins } else { Meaning::Nothing }
}

/// The table as Markdown: `docs/KEYS.md`.
#[must_use]
pub fn markdown() -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "# Keys\n\n<!-- Written by `WSLENS_BLESS=1 cargo test docs` from src/tui/commands/table.rs. -->\n\n\
        Keys of the terminal UI. `?` shows those of the screen that is up, `:` finds commands by name.\n",
    );
    let screens = super::screens::SCREENS.iter().map(|info| (info.scope, info.name.en));
    let own = screens.chain([(Scope::INPUT.or(Scope::POPUP), "Input lines, menus and lists")]);
    let chapters =
        [Group::Move, Group::Find, Group::Everywhere].map(|group| (group, Scope(u32::MAX), group.title().en));
    let own = own.map(|(scope, name)| (Group::Screen, scope, name));
    for (group, scope, title) in chapters.into_iter().chain(own) {
        let mut rows: Vec<&Command> =
            all().filter(|row| row.group == group && row.scope.meets(scope)).collect();
        // A command with different keys in some places has several rows.
        rows.dedup_by_key(|row| row.cmd);
        if rows.is_empty() {
            continue;
        }
        let _ = write!(out, "\n## {title}\n\n| keys | meaning |\n| --- | --- |\n");
        for row in rows {
            let keys: Vec<String> =
                row.keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|"))).collect();
            let _ = writeln!(out, "| {} | {} |", keys.join(" "), row.words.en);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Lang, width};

    #[test]
    fn no_key_means_two_things_in_one_place() {
        let mut seen: Vec<(Vec<Press>, &Command)> = Vec::new();
        for row in all() {
            for key in row.keys {
                let presses = sequence(key);
                for (other, with) in &seen {
                    let clash = with.scope.meets(row.scope)
                        && (other.starts_with(&presses) || presses.starts_with(other));
                    assert!(!clash, "{key}: {:?} and {:?}", row.cmd, with.cmd);
                }
                seen.push((presses, row));
            }
        }
    }

    #[test]
    fn rows_are_written_for_people() {
        for row in all() {
            for lang in Lang::ALL {
                let (short, words) = (row.short.of(lang), row.words.of(lang));
                assert!(!row.keys.is_empty() && !words.is_empty() && width(short) < 17, "{row:?}");
                assert!(!words.ends_with(['.', '。']), "{row:?}");
            }
        }
    }

    #[test]
    fn a_command_has_one_row_in_a_place() {
        for row in all() {
            let same = all().filter(|other| other.cmd == row.cmd && other.scope.meets(row.scope)).count();
            assert_eq!(same, 1, "{row:?}");
        }
    }
}
