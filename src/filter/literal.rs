//! Values as they are written, by the kind of the field.

use std::net::{IpAddr, SocketAddr};

use super::ast::{Lit, Net};
use super::field::{ValueKind, WordSet, near};

/// Why a value is none: a sentence, and words like it.
pub(super) type Wrong = (String, Vec<&'static str>);

/// A value of a field of this kind. `quoted`: it stood in quotes.
pub(super) fn literal(kind: ValueKind, bytes: &[u8], quoted: bool) -> Result<Lit, Wrong> {
    let text = std::str::from_utf8(bytes).map_err(|_| plain("this is not text"))?;
    match kind {
        ValueKind::Number => {
            number(text).map(Lit::Number).ok_or_else(|| plain("expected a number: 125, 0x7d, 1.5KB, 64KiB"))
        }
        ValueKind::Flag => match text {
            "true" | "1" | "yes" => Ok(Lit::Flag(true)),
            "false" | "0" | "no" => Ok(Lit::Flag(false)),
            _ => Err(plain("expected true or false")),
        },
        ValueKind::Duration => {
            nanos(text).map(Lit::Nanos).ok_or_else(|| plain("expected a time span: 0.25, 250ms, 3us, 2min"))
        }
        ValueKind::Time => nanos(text).map(Lit::Since).or_else(|| moment(text)).ok_or_else(|| {
            plain("expected seconds since the first packet (1.5, 250ms) or a date (2026-01-31T09:00:00Z)")
        }),
        ValueKind::Epoch => nanos(text)
            .map(Lit::Moment)
            .or_else(|| moment(text))
            .ok_or_else(|| plain("expected seconds since 1970 or a date (2026-01-31T09:00:00Z)")),
        ValueKind::Text | ValueKind::Host | ValueKind::Names => Ok(Lit::Text(bytes.into())),
        ValueKind::Bytes => Ok(Lit::Text(colons(text).filter(|_| !quoted).unwrap_or_else(|| bytes.into()))),
        ValueKind::Hex => digits(text).map(Lit::Text).ok_or_else(|| {
            plain("expected hexadecimal digits, two for each byte: 48656c6c6f, 48:65:6c:6c:6f")
        }),
        ValueKind::Address => net(text)
            .map(|net| Lit::Net(net, None))
            .ok_or_else(|| plain("expected an address: 10.0.0.1, 10.0.0.0/8, ::1")),
        ValueKind::Endpoint => endpoint(text).ok_or_else(|| {
            plain("expected an address, with or without a port: 10.0.0.1:8080, [::1]:8080, 10.0.0.0/8")
        }),
        ValueKind::Word(words) => word(words, text),
        ValueKind::Json if quoted => Ok(Lit::Text(bytes.into())),
        ValueKind::Json => Ok(json(text)),
    }
}

fn plain(why: &str) -> Wrong {
    (why.to_owned(), Vec::new())
}

/// As [`literal`], for bytes that need not be text.
pub(super) fn raw(kind: ValueKind, bytes: &[u8], quoted: bool) -> Result<Lit, Wrong> {
    match kind {
        ValueKind::Bytes if std::str::from_utf8(bytes).is_err() => Ok(Lit::Text(bytes.into())),
        ValueKind::Text | ValueKind::Host | ValueKind::Names => Ok(Lit::Text(bytes.into())),
        ValueKind::Json if quoted => Ok(Lit::Text(bytes.into())),
        _ => literal(kind, bytes, quoted),
    }
}

/// Digits with an optional fraction, and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

/// `digits` times `unit`, exactly; `None` where that is no whole number or too large.
fn scaled(digits: &str, unit: u64) -> Option<u64> {
    let digits = digits.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if whole.is_empty() || fraction.len() > 18 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(unit.into())?;
    let part = if fraction.is_empty() {
        0
    } else {
        let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let part = u128::from(fraction.parse::<u64>().ok()?).checked_mul(unit.into())?;
        if part % scale != 0 {
            return None;
        }
        part / scale
    };
    u64::try_from(whole.checked_add(part)?).ok()
}

/// A number, with a unit of bytes or without; also hexadecimal.
pub(super) fn number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return (!digits.starts_with('+')).then(|| u64::from_str_radix(digits, 16).ok()).flatten();
    }
    let (digits, unit) = split_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    scaled(digits, factor)
}

/// A time span in nanoseconds; without a unit, seconds.
pub(super) fn nanos(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (digits, unit) = split_unit(text);
    let factor = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "min" | "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let nanos = i64::try_from(scaled(digits, factor)?).ok()?;
    Some(if negative { -nanos } else { nanos })
}

/// A date, with a time or without, in UTC unless it says otherwise.
fn moment(text: &str) -> Option<Lit> {
    let moment: jiff::Timestamp = match text.parse() {
        Ok(moment) => moment,
        Err(_) => {
            text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    i64::try_from(moment.as_nanosecond()).ok().map(Lit::Moment)
}

/// Hexadecimal digits; colons, points, dashes and spaces may stand between bytes.
fn digits(text: &str) -> Option<Box<[u8]>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '.' | '-' | ' ')).collect();
    hex::decode(digits).ok().map(Vec::into_boxed_slice)
}

/// Bytes written as `48:65:6c` or `0x48656c`: what cannot be meant as text.
fn colons(text: &str) -> Option<Box<[u8]>> {
    let pairs = || text.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()));
    (text.starts_with("0x") || text.contains(':') && pairs()).then(|| digits(text)).flatten()
}

fn net(text: &str) -> Option<Net> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let bits = bits.unwrap_or(32);
            (bits <= 32).then(|| Net { address: v4.to_ipv6_mapped().octets(), prefix: 96 + bits })
        }
        IpAddr::V6(v6) => {
            let bits = bits.unwrap_or(128);
            (bits <= 128).then(|| Net { address: v6.octets(), prefix: bits })
        }
    }
}

fn endpoint(text: &str) -> Option<Lit> {
    match text.parse::<SocketAddr>() {
        Ok(socket) => {
            let net = net(&socket.ip().to_string())?;
            Some(Lit::Net(net, Some(socket.port())))
        }
        Err(_) => net(text).map(|net| Lit::Net(net, None)),
    }
}

fn word(words: &'static WordSet, text: &str) -> Result<Lit, Wrong> {
    let lower = text.to_ascii_lowercase();
    let named = words.names.iter().position(|name| *name == lower).map(|at| at as u64);
    let named = named.or_else(|| words.aliases.iter().find(|(name, _)| *name == lower).map(|(_, at)| *at));
    let number = || number(text).filter(|n| words.numeric && *n < words.names.len() as u64);
    named.or_else(number).map(Lit::Number).ok_or_else(|| {
        let near = near(text, words.names.iter().copied());
        let all: Vec<&str> =
            words.names.iter().filter(|name| !name.starts_with("reserved-")).copied().collect();
        (format!("one of: {}", all.join(", ")), near)
    })
}

/// A bare value to compare one inside JSON with: as JSON means it, or else a text.
fn json(text: &str) -> Lit {
    match text {
        "null" => Lit::Null,
        "true" => Lit::Flag(true),
        "false" => Lit::Flag(false),
        _ => match crate::json::number(text.as_bytes()) {
            Some(number) => number.into(),
            None => Lit::Text(text.as_bytes().into()),
        },
    }
}
