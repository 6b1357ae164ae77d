//! Which findings are listed, in which order, under which headings.

use std::collections::BTreeSet;

use crate::model::{Rule, Severity, WebSocketId};
use crate::store::{FindingRow, Index};

/// What stands together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Group {
    /// The worst first.
    #[default]
    Severity,
    /// Those of a rule under its heading.
    Rule,
    /// Those of a connection under its heading.
    Connection,
    /// As they came.
    Time,
}

impl Group {
    pub fn next(self) -> Self {
        match self {
            Self::Severity => Self::Rule,
            Self::Rule => Self::Connection,
            Self::Connection => Self::Time,
            Self::Time => Self::Severity,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Rule => "code",
            Self::Connection => "connection",
            Self::Time => "time",
        }
    }
}

/// What a heading stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head {
    Rule(&'static Rule),
    Connection(Option<WebSocketId>),
}

impl Head {
    /// What tells it from others.
    pub fn key(self) -> (u32, &'static str) {
        match self {
            Self::Rule(rule) => (0, rule.code),
            Self::Connection(id) => (id.map_or(0, |id| id.0), ""),
        }
    }
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FindingsRow {
    /// A heading: of what, how many are under it.
    Head(Head, usize),
    /// A finding, by its place in the index.
    Finding(usize),
}

/// The rows.
#[derive(Clone, Debug, Default)]
pub(super) struct FindingRows {
    pub group: Group,
    /// From which severity on.
    pub least: Option<Severity>,
    /// Headings whose findings are not shown.
    pub folded: BTreeSet<(u32, &'static str)>,
    pub rows: Vec<FindingsRow>,
    /// How many findings there were when the rows were made, and how many had been released.
    made_of: Option<(usize, u64)>,
}

impl FindingRows {
    /// Makes the rows where something changed. Findings are bounded (100 000), so this is too.
    pub fn settle(&mut self, index: &Index) -> bool {
        let now = (index.findings.len(), index.released.findings);
        if self.made_of == Some(now) {
            return false;
        }
        self.made_of = Some(now);
        let wanted = |row: &FindingRow| self.least.is_none_or(|least| row.rule.severity >= least);
        let all = &index.findings;
        let mut listed: Vec<usize> = (0..all.len()).filter(|at| all.get(*at).is_some_and(wanted)).collect();
        let time = |at: &usize| all.get(*at).map(|row| (row.place.time, row.place.packet));
        let severity = |at: &usize| std::cmp::Reverse(all.get(*at).map(|row| row.rule.severity));
        match self.group {
            Group::Severity => listed.sort_by_key(|at| (severity(at), time(at))),
            Group::Time => listed.sort_by_key(|at| time(at)),
            Group::Rule => {
                listed.sort_by_key(|at| (severity(at), all.get(*at).map(|row| row.rule.code), time(at)));
            }
            Group::Connection => {
                listed.sort_by_key(|at| (all.get(*at).map(|row| row.connection), time(at)));
            }
        }
        self.rows.clear();
        let head = |row: &FindingRow| match self.group {
            Group::Rule => Some(Head::Rule(row.rule)),
            Group::Connection => Some(Head::Connection(row.connection)),
            _ => None,
        };
        let mut current: Option<(Head, usize)> = None;
        for at in listed {
            let Some(row) = all.get(at) else { continue };
            if let Some(head) = head(row) {
                if current.is_none_or(|(known, _)| known.key() != head.key()) {
                    current = Some((head, self.rows.len()));
                    self.rows.push(FindingsRow::Head(head, 0));
                }
                if let Some((_, place)) = current
                    && let Some(FindingsRow::Head(_, count)) = self.rows.get_mut(place)
                {
                    *count += 1;
                }
                if self.folded.contains(&head.key()) {
                    continue;
                }
            }
            self.rows.push(FindingsRow::Finding(at));
        }
        true
    }

    /// How many findings had been released when the rows were made.
    pub fn released(&self) -> u64 {
        self.made_of.map_or(0, |(_, released)| released)
    }

    /// Makes them anew at the next turn.
    pub fn forget(&mut self) {
        self.made_of = None;
    }
}
