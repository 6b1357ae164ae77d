//! Live capture: libpcap's packets into a spool, from which they are read as from any capture.
//!
//! ```text
//! interface ─► kernel buffer ─► pump thread ─► spool (temporary files) ─► the analysis, at its own pace
//!                                                 └────────────────────► files that are kept
//! ```
//!
//! The pump never waits for anybody: an analysis that is slower than the link finds its packets in the spool, and only
//! where the oldest file of that has to make room are they lost. The spool holds pcapng, and so do the files that
//! are kept: the same bytes.

mod blocks;
mod device;
mod merge;
mod pump;
mod save;

pub use device::{Interface, check_filter, choose, interfaces};

use super::follow::Follower;
use super::live::{Live, Status};
use super::pages::{Pages, Writer};
use super::source::CaptureSource;
use super::{Capture, CaptureError};
use crate::output::ring::RingFile;
use crate::output::{Inputs, OutputError, default_room};
use blocks::{Blocks, PACKET_EXTRA};
use device::{How, Opened};
use pump::{Port, Pump};
use save::Saver;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use save::{Keep, Ring};

/// Bytes of a file of the spool at most.
const PAGE_BITS: u32 = 25;
/// And at least: the longest packet fits.
const PAGE_BITS_LEAST: u32 = 20;
/// Files of the spool, where there is room for them: little goes at once.
const PAGES: u64 = 32;

/// The system that captures, as files name it.
const SYSTEM: &str = if cfg!(target_os = "linux") {
    "Linux"
} else if cfg!(target_os = "macos") {
    "macOS"
} else {
    "Unix"
};

/// What is captured, and how.
#[derive(Clone, Debug)]
pub struct SniffOptions {
    /// A filter for the kernel, in libpcap's language; empty for none.
    pub filter: String,
    /// Bytes taken of a packet at most.
    pub snaplen: u32,
    /// Also packets that are not for this machine.
    pub promiscuous: bool,
    /// Bytes of the kernel's buffer, for each interface.
    pub buffer: u32,
    /// Each packet at once, instead of within 10 ms. The kernel's buffer then holds far fewer.
    pub immediate: bool,
    /// Bytes of the spool.
    pub room: u64,
    /// Ends after so many packets.
    pub count: Option<u64>,
    /// Ends after this time.
    pub duration: Option<Duration>,
    /// Is called with one sentence whenever something goes wrong, from whichever thread notices.
    pub on_trouble: Option<fn(&str)>,
}

impl Default for SniffOptions {
    /// Whole packets, 32 MiB in the kernel, 1 GiB in the spool or a quarter of the free space, no end.
    fn default() -> Self {
        Self {
            filter: String::new(),
            snaplen: 262_144,
            promiscuous: false,
            buffer: 32 << 20,
            immediate: false,
            room: default_room(),
            count: None,
            duration: None,
            on_trouble: None,
        }
    }
}

/// Why nothing can be captured.
#[derive(Debug, thiserror::Error)]
pub enum SniffError {
    /// libpcap cannot list interfaces.
    #[error("cannot list interfaces: {0}")]
    List(String),
    /// There is no such interface.
    #[error("there is no interface '{name}'")]
    Unknown {
        /// The name.
        name: String,
        /// The interfaces that there are.
        known: Vec<String>,
    },
    /// This user may not capture.
    #[error("cannot capture on {name}: operation not permitted")]
    Permission {
        /// The interface.
        name: String,
    },
    /// The interface cannot be opened.
    #[error("cannot capture on {name}: {words}")]
    Open {
        /// The interface.
        name: String,
        /// What libpcap says.
        words: String,
    },
    /// The capture filter is none.
    #[error("the capture filter is wrong: {words}")]
    Filter {
        /// The filter.
        filter: String,
        /// What libpcap says.
        words: String,
    },
    /// There is no room for packets, no thread, or no file to keep packets in.
    #[error("cannot {what}: {source}")]
    System {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes of the capture itself cannot be read.
    #[error(transparent)]
    Read(#[from] CaptureError),
}

impl SniffError {
    fn open(name: &str, words: String) -> Self {
        let name = name.to_owned();
        if words.contains("permi") { Self::Permission { name } } else { Self::Open { name, words } }
    }

    fn system(what: &str) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_owned();
        move |source| Self::System { what, source }
    }
}

/// Interfaces that are open, of which nothing was read yet.
///
/// This is the moment to give up rights that are needed no more.
pub struct Sniffer {
    opened: Vec<(Interface, Opened)>,
    options: SniffOptions,
}

impl std::fmt::Debug for Sniffer {
    /// The interfaces.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.opened.iter().map(|(interface, _)| &interface.name).collect();
        f.debug_struct("Sniffer").field("interfaces", &names).finish_non_exhaustive()
    }
}

impl Sniffer {
    /// Opens interfaces by their names.
    ///
    /// # Errors
    /// Where one of them cannot be opened, or the filter is none.
    pub fn open(names: &[String], options: SniffOptions) -> Result<Self, SniffError> {
        if !options.filter.is_empty() {
            check_filter(&options.filter)?;
        }
        let known = interfaces()?;
        let how = How {
            filter: &options.filter,
            snaplen: options.snaplen,
            promiscuous: options.promiscuous,
            buffer: options.buffer,
            immediate: options.immediate,
        };
        let mut opened: Vec<(Interface, Opened)> = Vec::new();
        for name in names {
            let Some(interface) = known.iter().find(|interface| interface.name == *name) else {
                let known = known.iter().map(|interface| interface.name.clone()).collect();
                return Err(SniffError::Unknown { name: name.clone(), known });
            };
            if opened.iter().all(|(other, _)| other.name != *name) {
                opened.push((interface.clone(), device::open(interface, &how)?));
            }
        }
        Ok(Self { opened, options })
    }

    /// Begins to capture. `keep`: where packets are kept for good; `watch`: the capture ends when nobody is at its
    /// other end any more.
    ///
    /// # Errors
    /// Where there is no room for the spool, or no thread.
    pub fn start(self, keep: Option<Keep>, watch: Option<OwnedFd>) -> Result<Capture, SniffError> {
        let Self { opened, options } = self;
        let live = Live::default();
        let (wake, woken) = UnixStream::pair().map_err(SniffError::system("make a pipe"))?;
        for end in [&wake, &woken] {
            end.set_nonblocking(true).map_err(SniffError::system("make a pipe"))?;
        }
        live.set_wake(wake);
        if let Some(listener) = options.on_trouble {
            live.on_trouble(listener);
        }
        let names: Vec<String> = opened.iter().map(|(interface, _)| interface.name.clone()).collect();
        live.update(|status| {
            *status = Status {
                interfaces: names.clone(),
                filter: options.filter.clone(),
                snaplen: options.snaplen,
                saved: keep.as_ref().map(|keep| (keep.name().to_owned(), 0)),
                ..Status::default()
            };
        });

        let longest = (options.snaplen as usize + PACKET_EXTRA).max(pump::PIECE).next_power_of_two().ilog2();
        let bits = (options.room / PAGES).checked_ilog2().unwrap_or(0);
        let bits = bits.clamp(PAGE_BITS_LEAST, PAGE_BITS).max(longest);
        let pages = Arc::new(Pages::new(bits, options.room));
        live.set_pages(&pages);
        let mut writer = Writer::new(Arc::clone(&pages));
        let mut head = Blocks::default();
        head.section(SYSTEM, concat!("wslens ", env!("CARGO_PKG_VERSION")));
        for (interface, opened) in &opened {
            head.interface(opened.link, options.snaplen, &interface.name, &options.filter);
        }
        pages.add_head(0, head.bytes().to_vec());
        writer.write(head.bytes(), 0).map_err(SniffError::system("capture"))?;

        let ports: Vec<Port> = (0..)
            .zip(opened)
            .map(|(id, (interface, opened))| Port::new(id, interface.name, opened.capture))
            .collect();
        let tallies = pump::Tallies::new(&ports);
        let follower = Follower::new(Arc::clone(&pages), live.clone(), 0);
        let name = format!("live {}", names.join(", "));
        let source = CaptureSource::follow(follower, &name)?;

        if keep.is_some() {
            pages.set_saved(0);
        }
        let saver = keep.map(|keep| {
            let saver =
                Saver::new(keep, head.bytes().to_vec(), Arc::clone(&pages), live.clone(), tallies.clone());
            thread::Builder::new().name("saver".to_owned()).spawn(move || saver.run())
        });
        let saver = saver.transpose().map_err(SniffError::system("begin a thread"))?;
        let pump = Pump::new(ports, &options, live, writer, pages, tallies, woken, watch);
        thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || pump.run(saver))
            .map_err(SniffError::system("begin a thread"))?;
        Ok(Capture::from_sources(vec![source]))
    }
}

/// Creates the file that packets are to be kept in, or the next file of a ring that has these already. `force`: an
/// existing file may be replaced; of a ring never.
///
/// # Errors
/// Where the output is one of the inputs, exists, or cannot be created.
pub fn keep(
    path: &Path,
    ring: Option<(Ring, Vec<RingFile>)>,
    force: bool,
    inputs: &Inputs,
) -> Result<Keep, OutputError> {
    Keep::new(path, ring, force, inputs)
}
