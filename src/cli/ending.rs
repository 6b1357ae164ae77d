//! The end of a capture that does not end by itself, and an analysis that is slower than it.

use std::time::{Duration, Instant};

use super::counted;
use crate::capture::live::{GRACE, Live};
use crate::model::safe_str;
use crate::report::Summary;

/// When reading ends after the end was asked for.
#[derive(Default)]
pub struct Ending {
    since: Option<Instant>,
    /// It ended although there was more to read.
    pub is_cut: bool,
}

impl Ending {
    /// Whether it is time.
    pub fn is_due(&mut self) -> bool {
        self.is_cut = self.since.get_or_insert_with(Instant::now).elapsed() >= GRACE;
        self.is_cut
    }
}

/// Says when the analysis of a live capture cannot keep up with it, and when it has caught up.
#[derive(Default)]
pub struct Behind {
    calls: u32,
    since: Option<Instant>,
    /// Bytes that waited at the last warning; 0 where the analysis keeps up.
    told: u64,
}

impl Behind {
    /// Up to so many waiting bytes the analysis counts as keeping up.
    const MANY: u64 = 4 << 20;
    /// How long more bytes than that wait before a warning.
    const LONG: Duration = Duration::from_secs(1);

    /// Compares the two at every eighth call.
    pub fn look(&mut self, live: &Live) {
        self.calls = self.calls.wrapping_add(1);
        if !self.calls.is_multiple_of(8) {
            return;
        }
        let waiting = live.status().waiting;
        if waiting < Self::MANY {
            self.since = None;
            if std::mem::take(&mut self.told) > 0 {
                errln!("note: the analysis has caught up with the capture");
            }
            return;
        }
        let is_long = self.since.get_or_insert_with(Instant::now).elapsed() >= Self::LONG;
        if is_long && waiting / 2 >= self.told {
            self.told = waiting;
            errln!(
                "warning: the analysis is behind the capture: {} of packets are waiting",
                mebibytes(waiting)
            );
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Says what was captured and not analysed.
pub fn tell_unanalysed(live: Option<&Live>, summary: &Summary, quiet: bool) {
    if quiet {
        return;
    }
    let Some(status) = live.map(Live::status) else {
        errln!("note: the input was not read to the end");
        return;
    };
    let packets = status.received.saturating_sub(summary.packets);
    if packets == 0 {
        return;
    }
    let kept = match &status.saved {
        Some((name, _)) => format!("; saved packets are in {}", safe_str(name)),
        None => "; use -w FILE to keep them".to_owned(),
    };
    errln!(
        "warning: the analysis was behind the capture: the last {} ({}) were not analyzed{kept}",
        counted(packets, "packet"),
        mebibytes(status.waiting)
    );
}
