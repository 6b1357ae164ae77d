//! Counts of findings.

use super::{Rule, Severity};

/// How often each rule was broken. Counts are exact, however many findings are listed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Vec<(&'static Rule, u64)>,
}

impl Tally {
    /// Counts one; returns how many there are of this rule now.
    pub fn add(&mut self, rule: &'static Rule) -> u64 {
        match self.counts.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((rule, 1));
                1
            }
        }
    }

    /// Adds what another tally holds.
    pub fn merge(&mut self, other: &Self) {
        for (rule, count) in &other.counts {
            match self.counts.iter_mut().find(|(known, _)| known == rule) {
                Some((_, sum)) => *sum += count,
                None => self.counts.push((rule, *count)),
            }
        }
    }

    /// Findings of a severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        self.counts.iter().filter(|(rule, _)| rule.severity == severity).map(|(_, count)| count).sum()
    }

    /// All findings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Each rule with its count, in the order first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Rule, u64)> + '_ {
        self.counts.iter().copied()
    }
}
