//! `Sec-WebSocket-Extensions` (RFC 6455 section 9.1) and permessage-deflate's parameters (RFC 7692 section 7).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::{map, opt, recognize};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser as _};

use super::head::is_token;
use super::quoted;
use crate::model::{DeflateParams, Extension};

/// The registered name of the compression extension.
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// Whether `extension` is permessage-deflate.
#[must_use]
pub fn is_deflate(extension: &Extension) -> bool {
    extension.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE)
}

/// The extensions of the header's values, in order, and whether all follow the grammar.
///
/// Several header lines are one list. Empty list elements are passed over. Of an element that breaks the
/// grammar everything up to the break is kept; reading goes on behind the next comma.
pub fn parse_extensions<'a>(values: impl Iterator<Item = &'a [u8]>) -> (Vec<Extension>, bool) {
    let mut extensions = Vec::new();
    let mut well_formed = true;
    for mut rest in values {
        loop {
            rest = skip_blank(rest);
            match rest.split_first() {
                None => break,
                Some((b',', after)) => {
                    rest = after;
                    continue;
                }
                Some(_) => {}
            }
            if let Ok((after, extension)) = extension(rest) {
                extensions.push(extension);
                rest = skip_blank(after);
            }
            if !matches!(rest.first(), None | Some(b',')) {
                well_formed = false;
                rest = next_element(rest);
            }
        }
    }
    (extensions, well_formed)
}

/// A token and its parameters, as far as they follow the grammar.
fn extension(input: &[u8]) -> IResult<&[u8], Extension> {
    let (input, name) = token(input)?;
    let semicolon = (take_while(is_blank), tag(";"), take_while(is_blank));
    let param = preceded(semicolon, (token, opt(preceded(equals, value))));
    let (rest, params) = fold_many0(param, Vec::new, |mut params, (name, value)| {
        params.push((text(name), value));
        params
    })
    .parse(input)?;
    Ok((rest, Extension { name: text(name), params }))
}

fn equals(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((take_while(is_blank), tag("="), take_while(is_blank))).parse(input)
}

/// A token, or a quoted string that holds one once the quotes are gone.
fn value(input: &[u8]) -> IResult<&[u8], String> {
    let pair = preceded(tag("\\"), nom::bytes::complete::take(1usize));
    let piece = alt((take_while1(is_token), pair));
    let pieces = fold_many0(piece, Vec::new, |mut all: Vec<u8>, piece: &[u8]| {
        all.extend_from_slice(piece);
        all
    });
    let string = nom::combinator::verify(delimited(tag("\""), pieces, tag("\"")), |all: &Vec<u8>| {
        !all.is_empty() && all.iter().all(|b| is_token(*b))
    });
    alt((map(token, text), map(string, |all| text(&all)))).parse(input)
}

fn token(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(is_token).parse(input)
}

/// White space, line breaks of folded headers included.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_blank(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().take_while(|b| is_blank(**b)).count();
    bytes.get(len..).unwrap_or_default()
}

/// What follows the next comma that stands in no quoted string.
fn next_element(bytes: &[u8]) -> &[u8] {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return bytes.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    &[]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// permessage-deflate's parameters as one side sent them. An invalid one counts as absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Params {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    /// The value; in an offer it must have one.
    server_max_window_bits: Option<u8>,
    /// In an offer the value may be absent.
    client_max_window_bits: Option<Option<u8>>,
}

/// What is wrong with an offer of permessage-deflate by a client (RFC 7692 section 7.1), a sentence each.
#[must_use]
pub fn deflate_offer(offer: &Extension) -> Vec<String> {
    read_params(offer, true).1
}

/// What a response agreed on, and what is wrong with it, a sentence each. `None` where it has no
/// permessage-deflate.
///
/// `offers` are the request's extensions, `None` where it was not seen. Where a parameter is invalid, the
/// largest window and context takeover are assumed: these inflate everything that any smaller choice does.
#[must_use]
pub fn deflate_agreed(
    response: &[Extension],
    offers: Option<&[Extension]>,
) -> Option<(DeflateParams, Vec<String>)> {
    let mut answers = response.iter().filter(|extension| is_deflate(extension));
    let (params, mut problems) = read_params(answers.next()?, false);
    if answers.next().is_some() {
        problems.push("permessage-deflate is agreed on twice".to_owned());
    }
    // The response must fit one of the offers; of several that it does not fit, the nearest tells why.
    let misfits = offers.unwrap_or_default().iter().filter(|offer| is_deflate(offer));
    let nearest = misfits.map(|offer| misfit(read_params(offer, true).0, params)).min_by_key(Vec::len);
    problems.extend(nearest.unwrap_or_default());
    let agreed = DeflateParams {
        server_no_context_takeover: params.server_no_context_takeover,
        client_no_context_takeover: params.client_no_context_takeover,
        server_max_window_bits: params.server_max_window_bits.unwrap_or(15),
        client_max_window_bits: params.client_max_window_bits.flatten().unwrap_or(15),
    };
    Some((agreed, problems))
}

/// Why `answer` does not accept `offer` (RFC 7692 sections 7.1.1 and 7.1.2).
fn misfit(offer: Params, answer: Params) -> Vec<String> {
    let mut problems = Vec::new();
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        problems.push("the offer demands server_no_context_takeover, the response lacks it".to_owned());
    }
    match (offer.server_max_window_bits, answer.server_max_window_bits) {
        (Some(most), None) if most < 15 => problems.push(format!(
            "the offer demands server_max_window_bits of at most {most}, the response lacks it"
        )),
        (Some(most), Some(bits)) if bits > most => {
            problems.push(format!("server_max_window_bits is {bits}, the offer demands at most {most}"));
        }
        _ => {}
    }
    if answer.client_max_window_bits.is_some() && offer.client_max_window_bits.is_none() {
        problems.push("client_max_window_bits was not offered".to_owned());
    }
    problems
}

fn read_params(extension: &Extension, is_offer: bool) -> (Params, Vec<String>) {
    let mut params = Params::default();
    let mut problems = Vec::new();
    for (at, (name, value)) in extension.params.iter().enumerate() {
        let same = |other: &(String, Option<String>)| other.0.eq_ignore_ascii_case(name);
        let before = extension.params.get(..at).unwrap_or_default().iter().filter(|p| same(p)).count();
        if before > 0 {
            if before == 1 {
                problems.push(format!("parameter {} is repeated", quoted(name.as_bytes())));
            }
            match name.to_ascii_lowercase().as_str() {
                "server_max_window_bits" => params.server_max_window_bits = None,
                "client_max_window_bits" => params.client_max_window_bits = None,
                "server_no_context_takeover" => params.server_no_context_takeover = false,
                "client_no_context_takeover" => params.client_no_context_takeover = false,
                _ => {}
            }
            continue;
        }
        match (name.to_ascii_lowercase().as_str(), value) {
            ("server_no_context_takeover", None) => params.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => params.client_no_context_takeover = true,
            ("server_no_context_takeover" | "client_no_context_takeover", Some(value)) => {
                problems.push(format!("{name} takes no value but has {}", quoted(value.as_bytes())));
            }
            ("client_max_window_bits", None) if is_offer => params.client_max_window_bits = Some(None),
            ("server_max_window_bits" | "client_max_window_bits", None) => {
                problems.push(format!("{name} lacks its value"));
            }
            (known @ ("server_max_window_bits" | "client_max_window_bits"), Some(value)) => {
                match window_bits(value) {
                    Some(bits) if known == "server_max_window_bits" => {
                        params.server_max_window_bits = Some(bits)
                    }
                    Some(bits) => params.client_max_window_bits = Some(Some(bits)),
                    None => {
                        problems
                            .push(format!("{name} is {}, no number from 8 to 15", quoted(value.as_bytes())));
                    }
                }
            }
            _ => problems.push(format!("parameter {} is unknown", quoted(name.as_bytes()))),
        }
    }
    (params, problems)
}

/// 8 to 15 in decimal without leading zeros (RFC 7692 section 7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}
