//! The capture thread: from the kernel's buffers into the spool. It waits for nothing but packets.

use super::SniffOptions;
use super::blocks::{Blocks, PACKET_EXTRA, Statistics};
use super::device::{NANOSECONDS, PATIENCE, words};
use super::merge::Merge;
use crate::capture::live::Live;
use crate::capture::pages::{Pages, Writer};
use crate::model::to_u64;
use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Bytes that are written to the spool at once.
pub(super) const PIECE: usize = 256 << 10;
/// Packets taken of one interface before the others have their turn.
const TURN: usize = 4096;
/// Turns at the end: more packets than a kernel's buffer holds.
const TURNS_AT_END: usize = 256;
/// How long packets are waited for; an interface that goes away is noticed then.
const WAIT: Duration = Duration::from_millis(500);
/// Time between two looks at the drop counters, while packets come.
const LOOK: Duration = Duration::from_millis(50);

/// The counters of all interfaces, where the thread that keeps packets can see them.
#[derive(Clone, Debug)]
pub(super) struct Tallies(Arc<Mutex<Vec<Statistics>>>);

impl Tallies {
    pub(super) fn new(ports: &[Port]) -> Self {
        Self(Arc::new(Mutex::new(ports.iter().map(|port| port.tally).collect())))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, Vec<Statistics>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An interface that is captured from.
pub(super) struct Port {
    id: u32,
    name: String,
    /// None once it is gone.
    capture: Option<Capture<Active>>,
    /// libpcap's counters at the last look: they are of 32 bits, and some go back.
    last: (u32, u32, u32),
    tally: Statistics,
    /// What was written of them.
    written: Statistics,
    /// The time of its last packet, where more wait.
    behind: Option<u64>,
}

impl Port {
    pub(super) fn new(id: u32, name: String, capture: Capture<Active>) -> Self {
        let tally = Statistics { began: now(), time: now(), ..Statistics::default() };
        Self { id, name, capture: Some(capture), last: (0, 0, 0), tally, written: tally, behind: None }
    }

    /// Looks at the drop counters.
    fn look(&mut self) {
        let Some(Ok(stat)) = self.capture.as_mut().map(Capture::stats) else { return };
        let (received, dropped, if_dropped) = self.last;
        self.tally.time = now();
        self.tally.received += u64::from(stat.received.wrapping_sub(received));
        self.tally.kernel += grown(dropped, stat.dropped);
        self.tally.interface += grown(if_dropped, stat.if_dropped);
        self.last = (stat.received, stat.dropped, stat.if_dropped);
    }

    /// Whether more packets were lost than was written.
    fn lost(&self) -> bool {
        (self.tally.kernel, self.tally.interface) != (self.written.kernel, self.written.interface)
    }
}

/// How much a counter grew: it may have wrapped around, and where it went back it did not grow.
fn grown(from: u32, to: u32) -> u64 {
    let by = to.wrapping_sub(from);
    if by < 1 << 31 { u64::from(by) } else { 0 }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The thread.
pub(super) struct Pump {
    ports: Vec<Port>,
    live: Live,
    writer: Writer,
    pages: Arc<Pages>,
    tallies: Tallies,
    woken: UnixStream,
    watch: Option<OwnedFd>,
    until: Option<Instant>,
    /// Packets that may still come.
    left: u64,
    blocks: Blocks,
    /// Packets in the blocks.
    waiting: u64,
    /// Of several interfaces: packets until it is their turn.
    merge: Option<Merge>,
    looked: Instant,
}

impl Pump {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        ports: Vec<Port>,
        options: &SniffOptions,
        live: Live,
        writer: Writer,
        pages: Arc<Pages>,
        tallies: Tallies,
        woken: UnixStream,
        watch: Option<OwnedFd>,
    ) -> Self {
        Self {
            merge: (ports.len() > 1).then(Merge::default),
            ports,
            live,
            writer,
            pages,
            tallies,
            woken,
            watch,
            until: options.duration.and_then(|duration| Instant::now().checked_add(duration)),
            left: options.count.unwrap_or(u64::MAX),
            blocks: Blocks::default(),
            waiting: 0,
            looked: Instant::now(),
        }
    }

    /// Captures until there is a reason to end.
    pub(super) fn run(mut self, saver: Option<JoinHandle<()>>) {
        let ended = self.take_all().and_then(|()| {
            if self.until.is_some_and(|until| Instant::now() >= until) {
                self.live.stop();
            }
            // What was there when the end came is in the kernel still.
            thread::sleep(2 * PATIENCE);
            for _ in 0..TURNS_AT_END {
                if self.take_each()? == 0 {
                    break;
                }
            }
            self.order(u64::MAX)?;
            self.look(true);
            self.flush()
        });
        // Their buffers are given back.
        self.ports.iter_mut().for_each(|port| port.capture = None);
        self.pages.end();
        let received = self.pages.packets();
        self.live.update(|status| {
            status.received = received;
            if let Err(error) = ended {
                status.trouble = Some(error.to_string());
            }
            status.over = true;
        });
        if let Some(saver) = saver {
            let _ = saver.join();
        }
        self.live.settle();
    }

    fn take_all(&mut self) -> io::Result<()> {
        while !self.is_over() {
            if !self.wait()? {
                return Ok(());
            }
            let taken = self.take_each()?;
            // What is older than this was handed over, unless an interface has more.
            let handed = now().saturating_sub(2 * to_u64(PATIENCE.as_nanos()));
            self.order(self.ports.iter().filter_map(|port| port.behind).fold(handed, u64::min))?;
            self.flush()?;
            if let Some(what) = self.writer.full.take() {
                self.live.announce(what);
            }
            if self.looked.elapsed() >= if taken > 0 { LOOK } else { WAIT } {
                self.look(false);
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Takes what waits at each interface.
    fn take_each(&mut self) -> io::Result<usize> {
        (0..self.ports.len()).try_fold(0, |taken, index| Ok(taken + self.take(index)?))
    }

    /// Puts packets of several interfaces up to a time in the order of their times.
    fn order(&mut self, until: u64) -> io::Result<()> {
        let Self { merge: Some(merge), blocks, writer, waiting, .. } = self else { return Ok(()) };
        merge.release(until, |block| {
            if blocks.bytes().len() + block.len() > PIECE && *waiting > 0 {
                writer.write(blocks.bytes(), *waiting)?;
                blocks.clear();
                *waiting = 0;
            }
            blocks.copy(block);
            *waiting += 1;
            Ok(())
        })
    }

    fn is_over(&self) -> bool {
        self.live.is_to_stop()
            || self.left == 0
            || self.until.is_some_and(|until| Instant::now() >= until)
            || self.ports.iter().all(|port| port.capture.is_none())
    }

    /// Waits for packets; false where nobody wants them any more.
    fn wait(&mut self) -> io::Result<bool> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let holds = self.merge.as_ref().is_some_and(|merge| !merge.is_empty());
        let most = if holds { PATIENCE } else { WAIT };
        let time = left.map_or(most, |left| left.min(most));
        let time = Timespec { tv_sec: 0, tv_nsec: i64::from(time.subsec_nanos()) };
        let mut fds = vec![PollFd::new(&self.woken, PollFlags::IN)];
        let watch = self.watch.as_ref().map(|watch| PollFd::new(watch, PollFlags::empty()));
        fds.extend(watch);
        let captures = self.ports.iter().filter_map(|port| port.capture.as_ref());
        fds.extend(captures.map(|capture| PollFd::from_borrowed_fd(capture.as_fd(), PollFlags::IN)));
        match poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let watched = fds.get(1).filter(|_| self.watch.is_some());
        if watched.is_some_and(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::NVAL)) {
            return Ok(false);
        }
        // A signal or somebody else wants the end: see `Live::stop`.
        let woken = fds.first().is_some_and(|fd| fd.revents().intersects(PollFlags::IN | PollFlags::HUP));
        if woken {
            let _ = self.woken.read(&mut [0; 64]);
            self.live.stop();
        }
        Ok(true)
    }

    /// Takes what waits at an interface.
    fn take(&mut self, index: usize) -> io::Result<usize> {
        let Self { ports, blocks, writer, waiting, left, merge, .. } = self;
        let Some(port) = ports.get_mut(index) else { return Ok(0) };
        let Some(capture) = &mut port.capture else { return Ok(0) };
        let (id, most) = (port.id, usize::try_from(*left).unwrap_or(TURN).min(TURN));
        let mut failed = Ok(());
        let (mut count, mut last) = (0, 0);
        let result = capture.dispatch(Some(most), |packet| {
            let part = |value: i64| u64::try_from(value).unwrap_or(0);
            let (seconds, fraction) = (part(packet.header.ts.tv_sec), part(packet.header.ts.tv_usec));
            let fraction = if NANOSECONDS { fraction } else { fraction.wrapping_mul(1000) };
            let time = seconds.wrapping_mul(1_000_000_000).wrapping_add(fraction);
            last = time;
            count += 1;
            if let Some(merge) = merge {
                merge.push(id, time, packet.data, packet.header.len);
                return;
            }
            if blocks.bytes().len() + packet.data.len() + PACKET_EXTRA > PIECE
                && *waiting > 0
                && failed.is_ok()
            {
                failed = writer.write(blocks.bytes(), *waiting);
                blocks.clear();
                *waiting = 0;
            }
            blocks.packet(id, time, packet.data, packet.header.len);
            *waiting += 1;
        });
        failed?;
        *left = left.saturating_sub(count);
        port.tally.taken += count;
        port.behind = (count >= most as u64).then_some(last);
        if let Err(error) = result {
            // It was switched off, or taken away: the others continue.
            port.look();
            let why = format!("{}: {}", port.name, words(&error));
            port.capture = None;
            let alone = ports.iter().all(|port| port.capture.is_none());
            self.live.update(|status| {
                status.vanished.push(why.clone());
                if alone {
                    status.trouble = Some(why.clone());
                }
            });
            let rest = if alone { "" } else { "; the other interfaces are still captured" };
            self.live.announce(&format!("capturing ended early: {why}{rest}"));
        }
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.blocks.bytes().is_empty() {
            self.writer.write(self.blocks.bytes(), self.waiting)?;
            self.blocks.clear();
            self.waiting = 0;
        }
        Ok(())
    }

    /// Looks at the drop counters. What was lost stands in the spool between the packets, with the times before and
    /// after: who reads it knows which holes it made. `end`: it stands there anyway.
    fn look(&mut self, end: bool) {
        self.looked = Instant::now();
        let (mut kernel, mut interface) = (0, 0);
        for port in &mut self.ports {
            let before = Statistics { time: port.tally.time, ..port.written };
            port.look();
            if port.lost() && before.time != port.written.time {
                self.blocks.statistics(port.id, &before);
            }
            if port.lost() || end {
                self.blocks.statistics(port.id, &port.tally);
                port.written = port.tally;
            }
            kernel += port.tally.kernel;
            interface += port.tally.interface;
        }
        self.tallies.get().clone_from(&self.ports.iter().map(|port| port.tally).collect());
        let received = self.pages.packets();
        self.live.update(|status| {
            status.received = received;
            (status.losses.kernel, status.losses.interface) = (kernel, interface);
        });
    }
}
