//! What a piece of work costs: the CPU time of its thread, and the memory that it holds, which an allocator counts.
#![allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// Bytes that this thread holds, and the most it ever held. Tests run at the same time; each counts its own.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
    /// The same with what an ordinary allocator takes for itself.
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count: a program that measures memory makes it its own.
///
/// ```ignore
/// #[global_allocator]
/// static COUNTING: Counting = Counting;
/// ```
pub struct Counting;

/// What an allocator takes of the system for a block: a header, in steps of 16 bytes, and 32 bytes at least.
fn chunk(size: usize) -> isize {
    (size + 8).next_multiple_of(16).max(32) as isize
}

fn count(bytes: isize, taken: isize) {
    let _ = TAKEN.try_with(|all| all.set(all.get() + taken));
    // While a thread ends, it is no longer counted.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: every call is handed on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, chunk(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, chunk(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize), -chunk(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize, chunk(size) - chunk(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Bytes that this thread holds.
pub fn held() -> isize {
    HELD.with(Cell::get).0
}

/// The most bytes that this thread held while it did some work, beyond those that it held before.
pub fn peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = held();
    HELD.with(|held| held.set((before, before)));
    let result = work();
    let most = HELD.with(Cell::get).1;
    (result, (most - before) as usize)
}

/// Bytes that this thread holds, with what an ordinary allocator takes for itself.
pub fn taken() -> isize {
    TAKEN.with(Cell::get)
}

/// CPU time of this thread so far.
#[cfg(unix)]
pub fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time since the start: the CPU time of a thread is not available here.
#[cfg(not(unix))]
pub fn cpu() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub cpu: Duration,
    /// The most bytes that were held meanwhile.
    pub memory: usize,
}

/// Does some work, and measures it.
pub fn measured<R>(work: impl FnOnce() -> R) -> (R, Effort) {
    let begin = cpu();
    let (result, memory) = peak(work);
    (result, Effort { cpu: cpu() - begin, memory })
}

/// What reading may cost, in proportion to the bytes that are read, those that they inflate to and those that are printed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// What a byte of ordinary traffic costs in this build, in nanoseconds.
    pub ordinary: f64,
    /// So many times that is what each byte may cost.
    pub most: f64,
}

impl Bounds {
    /// What reading anything may cost.
    pub const LEAST: Duration = Duration::from_millis(3);
    /// The memory that reading anything may take.
    pub const MEMORY: usize = 4 << 20;
    /// So many bytes of memory for each byte: a connection of half a kilobyte may hold two windows of 32 KiB.
    pub const HELD: usize = 160;

    /// Bounds from the least effort that some ordinary bytes took: each byte may cost 80 times as much.
    pub fn new(effort: Effort, bytes: u64) -> Self {
        Self { ordinary: nanoseconds(effort.cpu, bytes), most: 80.0 }
    }

    /// How many ordinary bytes each of these bytes cost.
    pub fn times(&self, cpu: Duration, bytes: u64) -> f64 {
        nanoseconds(cpu, bytes) / self.ordinary
    }

    /// Says what is beyond the bounds.
    pub fn broken(&self, effort: Effort, bytes: u64) -> Option<String> {
        let Effort { cpu, memory } = effort;
        let times = self.times(cpu.saturating_sub(Self::LEAST), bytes);
        let most = Self::MEMORY + Self::HELD * bytes as usize;
        if times > self.most {
            Some(format!("{cpu:?} for {bytes} bytes: {times:.0} times ordinary ones"))
        } else if memory > most {
            Some(format!("{memory} bytes of memory for {bytes} bytes"))
        } else {
            None
        }
    }
}

fn nanoseconds(took: Duration, bytes: u64) -> f64 {
    took.as_nanos() as f64 / bytes.max(1) as f64
}

/// Bytes that the compressed messages of some NDJSON inflate to.
pub fn inflated(records: &[u8]) -> u64 {
    let message =
        |line: &&[u8]| line.get(..40).is_some_and(|begin| begin.windows(9).any(|w| w == b"\"message\""));
    records
        .split(|byte| *byte == b'\n')
        .filter(message)
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|record| record["compressed"] == true)
        .filter_map(|record| record["len"].as_u64())
        .sum()
}
