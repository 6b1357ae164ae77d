//! `wslens interfaces`: lists the network interfaces.

use std::fs;
use std::io::{self, Write as _};

use super::problem::Problem;
use crate::capture::sniff::{self, Interface, SniffError, Sniffer};
use crate::model::safe_str;

/// Lists the interfaces; returns the exit code.
///
/// # Errors
/// If libpcap cannot list the interfaces, or the output cannot be written.
pub fn run() -> anyhow::Result<u8> {
    let interfaces = sniff::interfaces().map_err(|error| Problem::new(4, error.to_string()))?;
    let rows: Vec<[String; 5]> = interfaces.iter().map(row).collect();
    let head = ["name", "addresses", "state", "link", "note"].map(str::to_owned);
    let width = |at: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().min(60)
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let mut out = io::stdout().lock();
    for [name, addresses, state, link, note] in [&head].into_iter().chain(&rows) {
        let [a, b, c, d] = widths;
        let line = format!(" {name:<a$}  {addresses:<b$}  {state:<c$}  {link:<d$}  {note}");
        writeln!(out, "{}", line.trim_end())?;
    }
    let may = interfaces.iter().find(|interface| interface.up).map(|interface| {
        let open = Sniffer::open(std::slice::from_ref(&interface.name), sniff::SniffOptions::default());
        !matches!(open, Err(SniffError::Permission { .. }))
    });
    match may {
        Some(true) => writeln!(out, "capture now: wslens live -i NAME -f 'tcp port 8080'")?,
        _ => writeln!(out, "capture now: needs CAP_NET_RAW, which this user lacks (see wslens live --help)")?,
    }
    Ok(0)
}

fn row(interface: &Interface) -> [String; 5] {
    let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
    let state = match (interface.up, interface.running) {
        (false, _) => "down",
        (true, false) => "no link",
        (true, true) => "up",
    };
    let note = if interface.loopback {
        "for servers on this machine"
    } else if interface.all {
        "all interfaces (the default)"
    } else {
        interface.description.as_deref().unwrap_or_default()
    };
    let texts = [&interface.name, &addresses.join(", "), state, &link(interface), note];
    texts.map(|text| safe_str(text).into_owned())
}

/// Returns the link type, read without opening the interface (Linux: `ARPHRD_…`).
fn link(interface: &Interface) -> String {
    if interface.all {
        return "cooked".to_owned();
    }
    let path = format!("/sys/class/net/{}/type", interface.name);
    let kind = fs::read_to_string(path).unwrap_or_default();
    match kind.trim() {
        "1" | "772" => "ethernet",
        "512" => "ppp",
        "768" | "769" | "776" | "778" | "823" => "tunnel",
        "801" | "802" | "803" => "wifi",
        "65534" => "raw ip",
        _ => "-",
    }
    .to_owned()
}
