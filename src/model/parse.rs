//! What a parser of wire bytes answers.

/// A header parser's answer. There is no error: what the standard forbids is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse<T> {
    /// The value, and how many bytes it took.
    Done(T, usize),
    /// The whole needs at least this many bytes (counted from the same start).
    Need(usize),
}
