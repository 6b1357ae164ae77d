//! The headers of one packet, one by one: for people to look at.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::cursor::{Cursor, be16};
use super::exported::Pdu;
use super::ip::{Addresses, protocol};
use super::link::{ether_type, name_of};
use super::{MAX_TUNNELS, Next, exported, ip, link, tcp, tunnel};
use crate::model::{Flags, PacketRef};

/// A header of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `Ethernet`, `802.1Q`, `IPv4`, `TCP` and so on.
    pub name: &'static str,
    /// The layer of the OSI model, 2 to 4.
    pub osi: u8,
    /// The header's bytes in the packet.
    pub range: Range<usize>,
    /// What it says, in a few words.
    pub words: String,
}

/// The headers of a packet from the outside in, down to TCP's, as far as they can be read.
///
/// They are those that [`Decoder::decode`](super::Decoder::decode) goes through. Behind the header of an IP
/// fragment nothing is looked at.
#[must_use]
pub fn layers(packet: &PacketRef, bytes: &[u8]) -> Vec<Layer> {
    let mut cursor = Cursor::new(packet, bytes);
    let mut addresses = Addresses::default();
    let mut next = Next::Link(packet.link);
    let mut tunnels = 0;
    let mut found = Vec::new();
    while tunnels <= MAX_TUNNELS {
        let from = cursor.below as usize;
        let step = match next {
            Next::Link(exported::LINK) => match exported::peel(&mut cursor, &mut addresses) {
                Ok(Pdu::Lower(next)) => {
                    tunnels += 1;
                    Ok(next)
                }
                Ok(Pdu::Stream(_) | Pdu::Other(_)) => Ok(Next::Nothing),
                Err(stop) => Err(stop),
            },
            Next::Link(link) => link::peel(link, &mut cursor),
            Next::Type(kind) => link::peel_type(kind, &mut cursor),
            Next::Llc => link::peel_llc(&mut cursor),
            Next::Ppp => link::peel_ppp(&mut cursor),
            Next::Ip => ip::peel(&mut cursor, &mut addresses),
            Next::Nothing | Next::Fragment(_) => break,
            Next::Payload(protocol::TCP) => {
                if let Ok(segment) = tcp::segment(cursor, addresses) {
                    let to = (from + usize::from(segment.header_len)).min(bytes.len());
                    let words = format!(
                        "{} → {}  seq {}  ack {}  {}  window {}  {} bytes",
                        segment.source.port,
                        segment.destination.port,
                        segment.seq,
                        segment.ack,
                        flag_words(segment.flags),
                        segment.window,
                        segment.claimed_len
                    );
                    found.push(Layer { name: "TCP", osi: 4, range: from..to, words });
                }
                break;
            }
            Next::Payload(payload) if tunnel::is_carrier(payload) => {
                tunnels += 1;
                tunnel::peel(payload, &mut cursor)
            }
            Next::Payload(payload) => ip::peel_extension(payload, &mut cursor, &mut addresses),
        };
        let range = from..cursor.below as usize;
        let header = bytes.get(range.clone()).unwrap_or_default();
        if !header.is_empty() {
            describe(next, header, range, &mut found);
        }
        match step {
            Ok(step) => next = step,
            Err(_) => break,
        }
    }
    found
}

fn describe(next: Next, header: &[u8], range: Range<usize>, found: &mut Vec<Layer>) {
    let layer = |name, osi, range, words| Layer { name, osi, range, words };
    found.push(match next {
        Next::Link(link) => {
            let name = name_of(link);
            let words = match (name, header) {
                ("Ethernet", [a, b, c, d, e, f, g, h, i, j, k, l, high, low, ..]) => format!(
                    "{} → {}  {}",
                    mac([*g, *h, *i, *j, *k, *l]),
                    mac([*a, *b, *c, *d, *e, *f]),
                    type_words(be16(*high, *low))
                ),
                _ => String::new(),
            };
            layer(name, 2, range, words)
        }
        Next::Type(kind) => {
            let name = match kind {
                ether_type::VLAN | ether_type::VLAN_9100 | ether_type::VLAN_9200 | ether_type::VLAN_9300 => {
                    "802.1Q"
                }
                ether_type::PROVIDER_BRIDGE => "802.1ad",
                ether_type::BACKBONE_BRIDGE => "802.1ah",
                ether_type::MPLS | ether_type::MPLS_MULTICAST => "MPLS",
                ether_type::PPPOE_SESSION => "PPPoE",
                ether_type::MACSEC => "MACsec",
                ether_type::NSH => "NSH",
                ether_type::VN_TAG => "802.1BR",
                ether_type::HSR => "HSR",
                ether_type::CISCO_TTAG => "Cisco TTag",
                ether_type::CISCO_CMD => "Cisco MetaData",
                ether_type::ARISTA => "Arista",
                _ => "link tag",
            };
            let words = match (name, header) {
                ("802.1Q" | "802.1ad", [high, low, a, b, ..]) => {
                    format!("VLAN {}  {}", be16(*high, *low) & 0x0fff, type_words(be16(*a, *b)))
                }
                _ => String::new(),
            };
            layer(name, 2, range, words)
        }
        Next::Llc => layer("LLC", 2, range, String::new()),
        Next::Ppp => layer("PPP", 2, range, String::new()),
        Next::Ip => ip_layer(header, range),
        Next::Payload(payload) => {
            let (name, osi) = match payload {
                protocol::UDP => {
                    // The tunnel's own header is read together with that of UDP.
                    let middle = (range.start + 8).min(range.end);
                    if let [a, b, c, d, ..] = header {
                        let words = format!("{} → {}", be16(*a, *b), be16(*c, *d));
                        found.push(layer("UDP", 4, range.start..middle, words));
                    }
                    let name = match header {
                        [_, _, c, d, ..] => tunnel::name_of_port(be16(*c, *d)),
                        _ => "tunnel",
                    };
                    if middle < range.end {
                        found.push(layer(name, 2, middle..range.end, String::new()));
                    }
                    return;
                }
                protocol::GRE => ("GRE", 3),
                protocol::ETHER_IP => ("EtherIP", 3),
                protocol::AH => ("AH", 3),
                protocol::FRAGMENT => ("IPv6 fragment", 3),
                _ => ("IPv6 extension", 3),
            };
            layer(name, osi, range, String::new())
        }
        Next::Fragment(_) | Next::Nothing => return,
    });
}

fn ip_layer(header: &[u8], range: Range<usize>) -> Layer {
    match header {
        [first, _, a, b, c, d, e, f, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3, ..]
            if first >> 4 == 4 =>
        {
            let place = be16(*e, *f);
            let mut words = format!(
                "{s0}.{s1}.{s2}.{s3} → {d0}.{d1}.{d2}.{d3}  {}  length {}  id {}  TTL {ttl}",
                protocol_words(*protocol),
                be16(*a, *b),
                be16(*c, *d)
            );
            if place & 0x3fff != 0 {
                let more = if place & 0x2000 == 0 { "last" } else { "more follow" };
                words += &format!("  fragment at {} ({more})", (place & 0x1fff) * 8);
            }
            Layer { name: "IPv4", osi: 3, range, words }
        }
        [_, _, _, _, a, b, next, hops, rest @ ..] => {
            let address = |at: usize| {
                let bytes: Option<[u8; 16]> = rest.get(at..at + 16).and_then(|bytes| bytes.try_into().ok());
                Ipv6Addr::from(bytes.unwrap_or_default())
            };
            let words = format!(
                "{} → {}  {}  length {}  hop limit {hops}",
                address(0),
                address(16),
                protocol_words(*next),
                be16(*a, *b)
            );
            Layer { name: "IPv6", osi: 3, range, words }
        }
        _ => Layer { name: "IP", osi: 3, range, words: String::new() },
    }
}

fn mac(address: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = address;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

fn type_words(kind: u16) -> String {
    match kind {
        ether_type::IPV4 => "IPv4".to_owned(),
        ether_type::IPV6 => "IPv6".to_owned(),
        ether_type::VLAN => "802.1Q".to_owned(),
        kind if kind < ether_type::FIRST => format!("{kind} bytes"),
        kind => format!("type 0x{kind:04x}"),
    }
}

fn protocol_words(protocol: u8) -> String {
    match protocol {
        protocol::TCP => "TCP".to_owned(),
        protocol::UDP => "UDP".to_owned(),
        protocol::GRE => "GRE".to_owned(),
        protocol::IPV4 => "IPv4".to_owned(),
        protocol::IPV6 => "IPv6".to_owned(),
        other => format!("protocol {other}"),
    }
}

/// `SYN ACK`, or `none`.
fn flag_words(flags: Flags) -> String {
    let names = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
        (Flags::URG, "URG"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| flags.has(*bit)).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".to_owned() } else { set.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::super::packets::*;
    use super::super::{Decoder, FragmentLimits};
    use super::*;

    #[test]
    fn every_encapsulation_is_headers_without_a_hole_down_to_tcp() {
        for ip in [ip4_tcp(PAYLOAD), ip6_tcp(PAYLOAD)] {
            for (name, link, bytes) in [encapsulations(&ip), private_encapsulations(&ip)].concat() {
                let packet = packet(link, &bytes);
                let segment = Decoder::new(&FragmentLimits::default()).decode(&packet, &bytes).unwrap();
                let layers = layers(&packet, &bytes);
                let mut at = 0;
                for layer in &layers {
                    assert_eq!(layer.range.start, at, "{name}: {layers:?}");
                    assert!(layer.range.end > at, "{name}: {layers:?}");
                    at = layer.range.end;
                }
                let last = layers.last().unwrap();
                let start = segment.below_len as usize;
                let header = start..start + usize::from(segment.header_len);
                assert_eq!((last.name, last.osi, last.range.clone()), ("TCP", 4, header), "{name}");
                assert!(last.words.starts_with("49152 → 80  seq 1000  ack 2000  PSH ACK"), "{}", last.words);
                let before = &layers[layers.len() - 2];
                assert_eq!(before.name, if ip[0] >> 4 == 4 { "IPv4" } else { "IPv6" }, "{name}");
            }
        }
    }

    #[test]
    fn the_words_are_those_of_the_header() {
        let bytes = ethernet(0x8100, &[&[0, 5, 8, 0][..], &ip4_tcp(b"")].concat());
        let layers = layers(&packet(ETHERNET, &bytes), &bytes);
        let words: Vec<(&str, &str)> = layers.iter().map(|layer| (layer.name, &layer.words[..])).collect();
        assert_eq!(words[0], ("Ethernet", "00:1b:21:00:00:01 → 00:1b:21:00:00:02  802.1Q"));
        assert_eq!(words[1], ("802.1Q", "VLAN 5  IPv4"));
        assert_eq!(words[2], ("IPv4", "10.0.0.1 → 10.0.0.2  TCP  length 52  id 0  TTL 64"));
    }
}
