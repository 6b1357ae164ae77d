//! `wslens interfaces`: what can be captured from.

use std::io::{self, Write as _};

use super::problem::Problem;
use crate::model::safe_str;

/// Lists interfaces; answers the exit code.
///
/// # Errors
/// Where libpcap cannot tell, or the output cannot be written.
pub fn run() -> anyhow::Result<u8> {
    let devices =
        pcap::Device::list().map_err(|error| Problem::new(4, format!("cannot list interfaces: {error}")))?;
    let mut out = io::stdout().lock();
    writeln!(out, " {:<14} {:<40} {:<5} note", "name", "addresses", "state")?;
    for device in devices {
        // libpcap lists what is no network interface too.
        if ["nflog", "nfqueue", "bluetooth", "dbus", "usbmon"]
            .iter()
            .any(|other| device.name.starts_with(other))
        {
            continue;
        }
        let addresses: Vec<String> =
            device.addresses.iter().map(|address| address.addr.to_string()).collect();
        let state = if device.flags.is_up() { "up" } else { "down" };
        let note = if device.flags.is_loopback() {
            "use this for local servers"
        } else if device.name == "any" {
            "all interfaces at once"
        } else {
            ""
        };
        writeln!(out, " {:<14} {:<40} {state:<5} {note}", safe_str(&device.name), addresses.join(", "))?;
    }
    writeln!(out, "capture with: tcpdump -i NAME -U -w - 'tcp port 8080' | wslens -")?;
    Ok(0)
}
