//! What stands before a row: titles, connection, number, time, and the time since the row before.
//!
//! All this depends on the rows that came out before, so it is made when a row's turn has come.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{TableStyle, TimeFormat};
use crate::model::Time;
use crate::present::units;
use crate::present::{Role, Style};
use crate::report::Lead;

/// Columns of the time since the row before.
const DELTA: usize = 8;
/// Columns of the time with [`TimeFormat::Delta`].
const DELTA_TIME: usize = 10;

/// Widths of the columns. They grow with what they have to hold, and never shrink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Of the connection's number; 0 where it is not shown.
    pub(super) connection: usize,
    /// Of the row's number.
    pub(super) number: usize,
    /// Of the time.
    pub(super) time: usize,
    /// Digits behind the second's point.
    pub(super) decimals: u8,
    /// Of the payload length.
    pub(super) length: usize,
    /// Of the bytes on the wire.
    pub(super) wire: usize,
    /// Columns that matter less are left out.
    pub(super) narrow: bool,
    /// More are left out, the time among them.
    pub(super) slim: bool,
}

impl Layout {
    /// Columns before the arrow. A row that waits may get a connection's number later: `reserve` for that.
    pub(super) fn lead(&self, reserve: usize) -> usize {
        let connection = self.connection.max(reserve);
        (if connection > 0 { connection + 2 } else { 0 })
            + self.number
            + 2
            + if self.slim { 0 } else { self.time + 2 }
            + if self.narrow { 0 } else { DELTA + 2 }
    }
}

/// What is known of a record when it is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tag {
    /// A row of a connection: it has a number, unless it is a part of another row.
    Row { connection: u32, number: Option<u64>, time: Time, layout: Layout },
    /// A line of the list of connections.
    Listed,
    /// A line of its own.
    Line,
    /// The last of a connection.
    End(u32),
}

/// The titles that the rows need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Titles {
    Messages,
    Frames,
    /// With the columns of the URL.
    Connections(usize),
}

/// Makes the leads.
#[derive(Debug)]
pub(super) struct Margin {
    style: Style,
    ascii: bool,
    format: TimeFormat,
    clock: Clock,
    titles: Titles,
    pub(super) start: Option<Time>,
    /// The titles that stand above, with or without the connection.
    titled: Option<bool>,
    connections: bool,
    last: HashMap<u32, Time, RandomState>,
    before: Option<Time>,
    date: Option<Date>,
}

impl Margin {
    pub(super) fn new(look: &TableStyle, titles: Titles) -> Self {
        let zone = if look.time == TimeFormat::Utc { TimeZone::UTC } else { look.zone.clone() };
        Self {
            style: look.style(),
            ascii: look.ascii,
            format: look.time,
            clock: Clock { zone, second: i64::MIN, time: *b"--:--:--", date: Date::ZERO },
            titles,
            start: None,
            titled: None,
            connections: false,
            last: HashMap::default(),
            before: None,
            date: None,
        }
    }

    /// Columns of a time.
    #[inline]
    pub(super) fn time_width(&self, time: Time, decimals: u8) -> usize {
        let point = 1 + usize::from(decimals);
        match self.format {
            TimeFormat::Delta => DELTA_TIME,
            TimeFormat::Abs => 8 + point,
            TimeFormat::Utc => 9 + point,
            TimeFormat::Rel | TimeFormat::Epoch => {
                let shown = self.shown(time);
                usize::from(shown < 0) + units::digits(shown.unsigned_abs() / 1_000_000_000) + point
            }
        }
    }

    /// The number to print of a time.
    #[inline]
    fn shown(&self, time: Time) -> i64 {
        match self.format {
            TimeFormat::Rel => time.since(self.start.unwrap_or(time)).0,
            _ => time.0,
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, time: Time, decimals: u8) {
        match self.format {
            TimeFormat::Rel | TimeFormat::Epoch => seconds(out, self.shown(time), decimals),
            TimeFormat::Delta => {
                let Some(before) = self.before else { return };
                let start = out.len();
                seconds(out, time.since(before).0, decimals);
                if out.len() - start > DELTA_TIME {
                    out.truncate(start);
                    signed(out, time.since(before).0, self.ascii);
                }
            }
            TimeFormat::Abs | TimeFormat::Utc => {
                out.extend_from_slice(&self.clock.time);
                let fraction = time.0.rem_euclid(1_000_000_000) as u64;
                units::decimals(out, fraction / 10u64.pow(9 - u32::from(decimals)), decimals);
                if self.format == TimeFormat::Utc {
                    out.push(b'Z');
                }
            }
        }
    }

    /// A line with the date, where the times to come have another than those above.
    fn date_line(&mut self, out: &mut Vec<u8>, time: Time) {
        if !matches!(self.format, TimeFormat::Abs | TimeFormat::Utc) {
            return;
        }
        self.clock.set(time);
        if self.date != Some(self.clock.date) {
            self.date = Some(self.clock.date);
            let date = self.clock.date.to_string();
            self.style.put(out, Role::Title, |out| out.extend_from_slice(date.as_bytes()));
            out.push(b'\n');
        }
    }

    fn title_line(&mut self, out: &mut Vec<u8>, layout: &Layout, connection: bool) {
        if self.titled == Some(connection) {
            return;
        }
        self.titled = Some(connection);
        let (delta, arrow) = if self.ascii { ("delta", "") } else { ("Δ", " ") };
        let text = |text: &'static str| move |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
        let style = self.style;
        let titles = self.titles;
        style.put(out, Role::Title, |out| {
            if connection {
                units::right(out, layout.connection.max(4), text("conn"));
                out.extend_from_slice(b"  ");
            }
            units::right(out, layout.number, text("#"));
            out.extend_from_slice(b"  ");
            if !layout.slim {
                units::right(out, layout.time, text("time"));
                out.extend_from_slice(b"  ");
            }
            if !layout.narrow {
                units::right(out, DELTA, text(delta));
                out.extend_from_slice(b"  ");
            }
            out.extend_from_slice(match (layout.slim, arrow.is_empty()) {
                (true, true) => b"   ",
                (true, false) => b"  ",
                (false, true) => b"     ",
                (false, false) => b"    ",
            });
            match titles {
                Titles::Frames if layout.slim => {
                    text("fin  rsv  op     ")(out);
                    units::right(out, layout.length, text("length"));
                    text("     payload")(out);
                }
                Titles::Messages => {
                    text("type   ")(out);
                    units::right(out, layout.length, text("length"));
                    if !layout.narrow {
                        out.extend_from_slice(b"  ");
                        units::right(out, layout.wire, text("wire"));
                    }
                    text("  flg  preview")(out);
                }
                Titles::Frames => {
                    text(" msg  fin  rsv  op     key       ")(out);
                    if !layout.narrow {
                        text("hdr  ")(out);
                    }
                    units::right(out, layout.length, text("length"));
                    text(if layout.narrow { "  packet" } else { "  packet     payload" })(out);
                }
                Titles::Connections(_) => {}
            }
        });
        out.push(b'\n');
    }

    fn connection_titles(&mut self, out: &mut Vec<u8>) {
        let Titles::Connections(url) = self.titles else { return };
        if self.titled.replace(false).is_none() {
            let (style, ascii) = (self.style, self.ascii);
            style.put(out, Role::Title, |out| super::connections::titles(out, url, style.columns, ascii));
            out.push(b'\n');
        }
    }
}

impl Lead for Margin {
    type Tag = Tag;

    fn lead(&mut self, tag: &Tag, out: &mut Vec<u8>) {
        let (connection, number, time, layout) = match tag {
            Tag::Row { connection, number, time, layout } => (*connection, *number, *time, layout),
            Tag::Listed => return self.connection_titles(out),
            Tag::Line => return,
            Tag::End(connection) => {
                self.last.remove(connection);
                return;
            }
        };
        self.connections |= layout.connection > 0;
        if !layout.slim {
            self.date_line(out, time);
        }
        self.title_line(out, layout, self.connections);
        if self.connections {
            units::right(out, layout.connection.max(4), |out| units::number(out, u64::from(connection)));
            out.extend_from_slice(b"  ");
        }
        units::right(out, layout.number, |out| {
            if let Some(number) = number {
                units::number(out, number);
            }
        });
        out.extend_from_slice(b"  ");
        if !layout.slim {
            units::right(out, layout.time, |out| self.time(out, time, layout.decimals));
            out.extend_from_slice(b"  ");
        }
        self.before = Some(time);
        // A part of another row has no place in the rhythm of the rows.
        let last = match number {
            Some(_) => self.last.insert(connection, time),
            None => None,
        };
        if !layout.narrow {
            units::right(out, DELTA, |out| {
                if let Some(last) = last {
                    signed(out, time.since(last).0, self.ascii);
                }
            });
            out.extend_from_slice(b"  ");
        }
    }
}

/// Appends nanoseconds as seconds.
fn seconds(out: &mut Vec<u8>, nanoseconds: i64, decimals: u8) {
    if nanoseconds < 0 {
        out.push(b'-');
    }
    let n = nanoseconds.unsigned_abs();
    units::number(out, n / 1_000_000_000);
    units::decimals(out, n % 1_000_000_000 / 10u64.pow(9 - u32::from(decimals.min(9))), decimals);
}

/// Appends a difference of times.
fn signed(out: &mut Vec<u8>, nanoseconds: i64, ascii: bool) {
    out.push(if nanoseconds < 0 { b'-' } else { b'+' });
    units::duration(out, nanoseconds.unsigned_abs(), ascii);
}

/// Local time of day; asked for once a second, for it takes a search in the time zone.
#[derive(Debug)]
struct Clock {
    zone: TimeZone,
    second: i64,
    time: [u8; 8],
    date: Date,
}

impl Clock {
    fn set(&mut self, time: Time) {
        let second = time.0.div_euclid(1_000_000_000);
        if second == self.second {
            return;
        }
        self.second = second;
        let Ok(timestamp) = Timestamp::from_second(second) else { return };
        let local = self.zone.to_datetime(timestamp);
        self.date = local.date();
        let two = |n: i8| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        let ([a, b], [c, d], [e, f]) = (two(local.hour()), two(local.minute()), two(local.second()));
        self.time = [a, b, b':', c, d, b':', e, f];
    }
}
