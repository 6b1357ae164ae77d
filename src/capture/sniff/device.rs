//! Interfaces: which there are, and how one is opened.

use super::SniffError;
use pcap::{Active, Capture, Device, Linktype};
use std::net::IpAddr;
use std::time::Duration;

/// What can be captured from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name: `eth0`.
    pub name: String,
    /// What it is, where the system says so.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is switched on.
    pub up: bool,
    /// It can carry packets now: there is a cable, or a network.
    pub running: bool,
    /// This machine talks to itself through it.
    pub loopback: bool,
    /// All interfaces at once.
    pub all: bool,
}

/// Lists the interfaces, without what libpcap lists besides.
///
/// # Errors
/// Where libpcap cannot tell.
pub fn interfaces() -> Result<Vec<Interface>, SniffError> {
    const OTHERS: [&str; 5] = ["nflog", "nfqueue", "bluetooth", "dbus", "usbmon"];
    let devices = Device::list().map_err(|error| SniffError::List(words(&error)))?;
    let network =
        devices.into_iter().filter(|device| !OTHERS.iter().any(|other| device.name.starts_with(other)));
    Ok(network
        .map(|device| Interface {
            all: device.name == "any",
            up: device.flags.is_up() || device.name == "any",
            running: device.flags.is_running() || device.name == "any",
            loopback: device.flags.is_loopback(),
            addresses: device.addresses.iter().map(|address| address.addr).collect(),
            description: device.desc,
            name: device.name,
        })
        .collect())
}

/// Where to capture when nobody says it: everywhere, else where this machine talks to itself, else the first that runs.
#[must_use]
pub fn choose(interfaces: &[Interface]) -> Option<&Interface> {
    let find = |is: fn(&Interface) -> bool| interfaces.iter().find(|interface| is(interface));
    find(|interface| interface.all)
        .or_else(|| find(|interface| interface.loopback && interface.up))
        .or_else(|| find(|interface| interface.running))
}

/// What libpcap says of an error, without its name for the place.
pub(super) fn words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words.clone(),
        other => other.to_string(),
    }
}

/// How an interface is opened.
pub(super) struct How<'a> {
    pub(super) filter: &'a str,
    pub(super) snaplen: u32,
    pub(super) promiscuous: bool,
    pub(super) buffer: u32,
    pub(super) immediate: bool,
}

/// An interface that is open.
pub(super) struct Opened {
    pub(super) capture: Capture<Active>,
    pub(super) link: u16,
}

/// Whether times come in nanoseconds: libpcap can on Linux only.
pub(super) const NANOSECONDS: bool = cfg!(target_os = "linux");
/// Packets wait so long in the kernel at most until they are seen.
pub(super) const PATIENCE: Duration = Duration::from_millis(10);

/// Checks a capture filter without an interface.
///
/// # Errors
/// What libpcap says of it.
pub fn check_filter(filter: &str) -> Result<(), SniffError> {
    let checked = Capture::dead(Linktype::ETHERNET).and_then(|dead| dead.compile(filter, true).map(drop));
    checked.map_err(|error| SniffError::Filter { filter: filter.to_owned(), words: words(&error) })
}

/// Opens an interface: from here on its packets wait in the kernel.
pub(super) fn open(interface: &Interface, how: &How<'_>) -> Result<Opened, SniffError> {
    let name = interface.name.as_str();
    let fail = |error: pcap::Error| SniffError::open(name, words(&error));
    let size = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
    let capture = Capture::from_device(name)
        .map_err(fail)?
        .snaplen(size(how.snaplen))
        // All interfaces at once have no such mode.
        .promisc(how.promiscuous && !interface.all)
        .buffer_size(size(how.buffer))
        .immediate_mode(how.immediate)
        .timeout(i32::try_from(PATIENCE.as_millis()).unwrap_or(i32::MAX));
    let capture = if NANOSECONDS { capture.precision(pcap::Precision::Nano) } else { capture };
    let mut capture = capture.open().map_err(fail)?.setnonblock().map_err(fail)?;
    if !how.filter.is_empty() {
        let set = capture.filter(how.filter, true);
        set.map_err(|error| SniffError::Filter { filter: how.filter.to_owned(), words: words(&error) })?;
    }
    let link = link_type(capture.get_datalink());
    Ok(Opened { capture, link })
}

/// The link type's number in files; libpcap has other numbers for raw IP.
fn link_type(link: Linktype) -> u16 {
    match link.0 {
        12 | 14 => 101,
        other => u16::try_from(other).unwrap_or(u16::MAX),
    }
}
