//! Counts of findings.

use super::{Rule, Severity};

/// How often each rule was broken. Counts are exact, however many findings are listed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Nothing at first: most connections have no findings, and there may be very many.
    #[allow(clippy::box_collection)]
    counts: Option<Box<Vec<(&'static Rule, u64)>>>,
}

impl Tally {
    /// Counts one; returns how many there are of this rule now.
    pub fn add(&mut self, rule: &'static Rule) -> u64 {
        self.raise(rule, 1)
    }

    /// Adds what another tally holds.
    pub fn merge(&mut self, other: &Self) {
        for (rule, count) in other.iter() {
            self.raise(rule, count);
        }
    }

    fn raise(&mut self, rule: &'static Rule, by: u64) -> u64 {
        let counts = self.counts.get_or_insert_default();
        match counts.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => {
                *count += by;
                *count
            }
            None => {
                counts.push((rule, by));
                by
            }
        }
    }

    /// Findings of a severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        self.iter().filter(|(rule, _)| rule.severity == severity).map(|(_, count)| count).sum()
    }

    /// All findings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    /// Each rule with its count, in the order first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Rule, u64)> + '_ {
        self.counts.iter().flat_map(|counts| counts.iter().copied())
    }
}
