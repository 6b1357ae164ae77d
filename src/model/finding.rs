//! Rules and what breaks them.

use super::{Direction, Time};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Suspicious or degraded.
    Warning,
    /// The protocol was broken or data is lost.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`, as in the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that can be wrong or worth knowing. Always a `static`, made by [`rules!`](crate::rules).
#[derive(Debug)]
pub struct Rule {
    /// Stable code, for instance `bad-accept`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The standard that is broken, for instance `RFC 6455 §5.1`, or `-`.
    pub reference: &'static str,
    /// One line: what it means.
    pub summary: &'static str,
    /// What usually causes it and what to do.
    pub advice: &'static str,
}

impl PartialEq for &'static Rule {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq::<Rule>(*self, *other)
    }
}

/// Declares the rules of a room: one `pub static` each, and `ALL`, the list of them.
#[macro_export]
macro_rules! rules {
    ($($name:ident = $code:literal $severity:ident $reference:literal, $summary:literal, $advice:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: $crate::model::Rule = $crate::model::Rule {
                code: $code, severity: $crate::model::Severity::$severity, reference: $reference,
                summary: $summary, advice: $advice,
            };
        )*
        /// Every rule of this room.
        pub static ALL: &[&$crate::model::Rule] = &[$(&$name),*];
    };
}

/// A rule broken at a place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was broken.
    pub rule: &'static Rule,
    /// Who sent it; `None` where it concerns both or neither.
    pub direction: Option<Direction>,
    /// Packet at which it was seen; 0 where there is none.
    pub packet: u64,
    /// Time of that packet.
    pub time: Time,
    /// Frame number in the connection.
    pub frame: Option<u64>,
    /// Message number in the connection.
    pub message: Option<u64>,
    /// Offset in the direction's TCP stream.
    pub offset: Option<u64>,
    /// One sentence with the values.
    pub text: String,
}
