//! `Sec-WebSocket-Extensions` (RFC 6455 section 9.1) and permessage-deflate's parameters (RFC 7692 section 7).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::{map, opt, recognize};
use nom::multi::{fold_many_m_n, fold_many0};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser as _};

use super::head::is_token;
use super::quoted;
use crate::model::{DeflateParams, Extension};

/// The registered name of the compression extension.
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// Whether `extension` compresses frame by frame (draft-tyoshino-hybi-websocket-perframe-deflate, section 4).
///
/// Safari sent the prefixed name for years, and servers that support it answer with the same name.
#[must_use]
pub fn is_deflate_frame(extension: &Extension) -> bool {
    ["x-webkit-deflate-frame", "deflate-frame"].iter().any(|name| extension.name.eq_ignore_ascii_case(name))
}

/// Whether `extension` is permessage-deflate.
#[must_use]
pub fn is_deflate(extension: &Extension) -> bool {
    extension.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE)
}

/// Whether `extension` compresses, per message or per frame: then it uses RSV1 and no other RSV bit.
#[must_use]
pub fn compresses(extension: &Extension) -> bool {
    is_deflate(extension) || is_deflate_frame(extension)
}

/// Extensions of a head that are read. Browsers offer up to three.
const EXTENSIONS: usize = 64;
/// Parameters of all of them that are read.
const PARAMETERS: usize = 256;

/// How many extensions and parameters the header's values have, as words, where that is more than are read.
#[must_use]
pub fn too_many_extensions<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let (mut extensions, mut parameters) = (0usize, 0usize);
    for value in values {
        let mut quoted = false;
        extensions += 1;
        for byte in value {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => extensions += 1,
                b';' if !quoted => parameters += 1,
                _ => {}
            }
        }
    }
    let is_more = extensions > EXTENSIONS || parameters > PARAMETERS;
    is_more.then(|| {
        format!(
            "{extensions} extensions with {parameters} parameters: the first {EXTENSIONS} extensions and {PARAMETERS} parameters are read"
        )
    })
}

/// The extensions of the header's values, in order, and whether all follow the grammar; no more than
/// [are read](too_many_extensions).
///
/// Several header lines are one list. Empty list elements are passed over. Of an element that breaks the
/// grammar everything up to the break is kept; reading goes on behind the next comma.
pub fn parse_extensions<'a>(values: impl Iterator<Item = &'a [u8]>) -> (Vec<Extension>, bool) {
    let mut extensions = Vec::new();
    let mut well_formed = true;
    let mut parameters = PARAMETERS;
    for mut rest in values {
        loop {
            if extensions.len() == EXTENSIONS || parameters == 0 {
                return (extensions, well_formed);
            }
            rest = skip_blank(rest);
            match rest.split_first() {
                None => break,
                Some((b',', after)) => {
                    rest = after;
                    continue;
                }
                Some(_) => {}
            }
            if let Ok((after, extension)) = extension(rest, parameters) {
                parameters -= extension.params.len().min(parameters);
                extensions.push(extension);
                rest = skip_blank(after);
            }
            if parameters > 0 && !matches!(rest.first(), None | Some(b',')) {
                well_formed = false;
                rest = next_element(rest);
            }
        }
    }
    (extensions, well_formed)
}

/// A token and its parameters, as far as they follow the grammar, at most `most`.
fn extension(input: &[u8], most: usize) -> IResult<&[u8], Extension> {
    let (input, name) = token(input)?;
    let semicolon = (take_while(is_blank), tag(";"), take_while(is_blank));
    let param = preceded(semicolon, (token, opt(preceded(equals, value))));
    let (rest, params) = fold_many_m_n(0, most, param, Vec::new, |mut params, (name, value)| {
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
        per_frame: false,
        server_no_context_takeover: params.server_no_context_takeover,
        client_no_context_takeover: params.client_no_context_takeover,
        server_max_window_bits: params.server_max_window_bits.unwrap_or(15),
        client_max_window_bits: params.client_max_window_bits.flatten().unwrap_or(15),
    };
    Some((agreed, problems))
}

/// What a response agreed on where it compresses frame by frame; `None` where it does not, or has permessage-deflate.
///
/// `offers` are the request's extensions, `None` where it was not captured. Each side's parameters limit what the other
/// side sends: those of the offer hold for the server, those of the response for the client. A value that is
/// no number from 8 to 15 counts as the largest window.
#[must_use]
pub fn deflate_frame_agreed(response: &[Extension], offers: Option<&[Extension]>) -> Option<DeflateParams> {
    if response.iter().any(is_deflate) {
        return None;
    }
    let read = |extension: Option<&Extension>| {
        let find = |name: &str| {
            let params = &extension?.params;
            params.iter().find(|param| param.0.eq_ignore_ascii_case(name)).map(|param| param.1.as_deref())
        };
        let bits = find("max_window_bits").flatten().and_then(window_bits).unwrap_or(15);
        (find("no_context_takeover").is_some(), bits)
    };
    let answer = response.iter().find(|extension| is_deflate_frame(extension))?;
    let client = read(Some(answer));
    let server = read(offers.unwrap_or_default().iter().find(|extension| is_deflate_frame(extension)));
    Some(DeflateParams {
        per_frame: true,
        server_no_context_takeover: server.0,
        client_no_context_takeover: client.0,
        server_max_window_bits: server.1,
        client_max_window_bits: client.1,
    })
}

/// What a response agreed on about compression, of either kind. `offers`: see [`deflate_frame_agreed`].
#[must_use]
pub fn compression_agreed(response: &[Extension], offers: Option<&[Extension]>) -> Option<DeflateParams> {
    let per_message = deflate_agreed(response, None).map(|(params, _)| params);
    per_message.or_else(|| deflate_frame_agreed(response, offers))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(values: &[&str]) -> (Vec<Extension>, bool) {
        parse_extensions(values.iter().map(|value| value.as_bytes()))
    }

    /// `name; a; b=1` for each extension.
    fn shown(extensions: &[Extension]) -> Vec<String> {
        let param = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("; {name}={value}"),
            None => format!("; {name}"),
        };
        extensions.iter().map(|e| e.name.clone() + &e.params.iter().map(param).collect::<String>()).collect()
    }

    #[test]
    fn no_more_are_read_than_anybody_sends() {
        let names = |count: usize| (0..count).map(|i| format!("x-{i}")).collect::<Vec<_>>().join(", ");
        let params = |count: usize| (0..count).map(|i| format!("; a{i}=\"x\"")).collect::<String>();
        let too_many = |value: &str| too_many_extensions(std::iter::once(value.as_bytes())).is_some();
        let count = |value: &str| {
            let (list, good) = parse(&[value]);
            assert!(good);
            (list.len(), list.iter().map(|extension| extension.params.len()).sum::<usize>())
        };
        for (extensions, parameters, cut) in
            [(64, 256, false), (65, 256, true), (64, 257, true), (9000, 9000, true)]
        {
            let value = format!("{}{}", names(extensions), params(parameters));
            assert_eq!(too_many(&value), cut);
            let read = if extensions > 64 { (64, 0) } else { (64, 256) };
            assert_eq!(count(&value), read);
        }
        // Separators inside of quotes separate nothing.
        assert!(!too_many(&format!("x; a=\"{}\"", ",;".repeat(300))));
    }

    #[test]
    fn the_examples_of_rfc_6455_section_9_1() {
        let (list, good) = parse(&["foo", "bar; baz=2"]);
        assert_eq!((shown(&list), good), (vec!["foo".to_owned(), "bar; baz=2".to_owned()], true));
        assert_eq!(parse(&["foo, bar; baz=2"]), (list, true));
        let (list, good) = parse(&["deflate-stream", "mux; max-channels=4; flow-control, deflate-stream"]);
        assert_eq!(
            (shown(&list), good),
            (
                vec![
                    "deflate-stream".into(),
                    "mux; max-channels=4; flow-control".into(),
                    "deflate-stream".into()
                ],
                true
            )
        );
        assert!(parse(&["private-extension"]).1);
    }

    #[test]
    fn a_quoted_value_is_a_token_once_its_quotes_are_gone() {
        let (list, good) = parse(&[r#"a; b="10"; c = "x\y" ,, d"#]);
        assert_eq!((shown(&list), good), (vec!["a; b=10; c=xy".into(), "d".into()], true));
        for bad in [r#"a; b="1 0""#, r#"a; b="""#, r#"a; b="1"#, r#"a; b="1\"#] {
            assert!(!parse(&[bad]).1, "{bad}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_ends_at_the_next_comma() {
        for (value, kept) in [
            ("a; b=, c", &["a; b", "c"][..]),
            ("a;, c", &["a", "c"]),
            ("a b, c", &["a", "c"]),
            ("=1, c", &["c"]),
            (r#"a; b="x, y", c"#, &["a; b", "c"]),
            (r#"a; b="x, y"#, &["a; b"]),
            ("a; b=1/2; d, c", &["a; b=1", "c"]),
        ] {
            let (list, good) = parse(&[value]);
            assert_eq!(
                (shown(&list).as_slice(), good),
                (kept.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>().as_slice(), false),
                "{value}"
            );
        }
        assert_eq!(parse(&["", " , ", "a"]).0.len(), 1);
        assert!(parse(&["", " , ", "a"]).1);
    }

    fn agree(response: &str, request: &str) -> (DeflateParams, Vec<String>) {
        let offers = parse(&[request]).0;
        deflate_agreed(&parse(&[response]).0, Some(&offers)).unwrap()
    }

    const PLAIN: DeflateParams = DeflateParams {
        per_frame: false,
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };

    /// Sections 7.1 and 7.1.3.
    #[test]
    fn the_examples_of_rfc_7692_section_7() {
        let both = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
            permessage-deflate; client_max_window_bits";
        for offer in
            ["permessage-deflate", both, "permessage-deflate; server_max_window_bits=10, permessage-deflate"]
        {
            let (offers, good) = parse(&[offer]);
            assert!(good && offers.iter().all(|offer| deflate_offer(offer).is_empty()), "{offer}");
        }
        assert_eq!(agree("permessage-deflate", "permessage-deflate"), (PLAIN, vec![]));
        let smaller = DeflateParams { server_max_window_bits: 10, ..PLAIN };
        assert_eq!(agree("permessage-deflate; server_max_window_bits=10", both), (smaller, vec![]));
        assert_eq!(agree("permessage-deflate", both), (PLAIN, vec![]), "the second offer was accepted");
        let client = DeflateParams { client_max_window_bits: 9, ..PLAIN };
        assert_eq!(agree("permessage-deflate; client_max_window_bits=9", both), (client, vec![]));
        let takeover =
            DeflateParams { server_no_context_takeover: true, client_no_context_takeover: true, ..PLAIN };
        let text = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(agree(text, "permessage-deflate"), (takeover, vec![]), "a server may add both unasked");
    }

    #[test]
    fn compression_of_frames_is_limited_by_the_other_side() {
        let agree = |answer: &str, offer: Option<&str>| {
            let offers = offer.map(|offer| parse(&[offer]).0);
            compression_agreed(&parse(&[answer]).0, offers.as_deref())
        };
        let per_frame = DeflateParams { per_frame: true, ..PLAIN };
        let name = "x-webkit-deflate-frame";
        assert_eq!(agree(name, Some(name)), Some(per_frame));
        assert_eq!(agree("Deflate-Frame", None), Some(per_frame));
        let server =
            DeflateParams { server_max_window_bits: 9, server_no_context_takeover: true, ..per_frame };
        let offer = format!("{name}; max_window_bits=9; no_context_takeover");
        assert_eq!(agree(name, Some(&offer)), Some(server));
        let client =
            DeflateParams { client_max_window_bits: 10, client_no_context_takeover: true, ..per_frame };
        assert_eq!(
            agree(&format!("{name}; no_context_takeover; max_window_bits=\"10\""), Some(name)),
            Some(client)
        );
        assert_eq!(agree(&format!("{name}; max_window_bits=99"), None), Some(per_frame));
        assert_eq!(agree(&format!("{name}, permessage-deflate"), Some(name)), Some(PLAIN));
        assert_eq!(agree("x-private", Some(name)), None);
    }

    #[test]
    fn an_invalid_offer_says_why() {
        for (params, word) in [
            ("server_max_window_bits", "lacks its value"),
            ("server_max_window_bits=7", "from 8 to 15"),
            ("server_max_window_bits=16", "from 8 to 15"),
            ("server_max_window_bits=08", "from 8 to 15"),
            ("client_max_window_bits=x", "from 8 to 15"),
            ("server_no_context_takeover=1", "takes no value"),
            ("client_no_context_takeover=true", "takes no value"),
            ("client_max_window_bits; client_max_window_bits=9", "repeated"),
            ("mem_level=9", "unknown"),
        ] {
            let problems = deflate_offer(&parse(&[&format!("permessage-deflate; {params}")]).0[0]);
            assert_eq!(problems.len(), 1, "{params}: {problems:?}");
            assert!(problems[0].contains(word), "{params}: {problems:?}");
        }
        for good in ["server_max_window_bits=8", "client_max_window_bits=\"15\"", "client_max_window_bits"] {
            assert_eq!(
                deflate_offer(&parse(&[&format!("permessage-deflate; {good}")]).0[0]),
                [""; 0],
                "{good}"
            );
        }
    }

    #[test]
    fn an_invalid_answer_counts_as_the_largest_window_and_says_why() {
        let offer = "permessage-deflate; client_max_window_bits";
        for (answer, offer, word) in [
            ("; client_max_window_bits", offer, "lacks its value"),
            ("; client_max_window_bits=10", "permessage-deflate", "was not offered"),
            ("; server_max_window_bits=010", offer, "from 8 to 15"),
            ("; server_max_window_bits=9; server_max_window_bits=9", offer, "repeated"),
            ("; foo", offer, "unknown"),
            (", permessage-deflate", offer, "twice"),
            ("", "permessage-deflate; server_max_window_bits=9", "lacks it"),
            ("", "permessage-deflate; server_no_context_takeover", "lacks it"),
            ("; server_max_window_bits=12", "permessage-deflate; server_max_window_bits=9", "at most 9"),
        ] {
            let (params, problems) = agree(&format!("permessage-deflate{answer}"), offer);
            assert_eq!(problems.len(), 1, "{answer}: {problems:?}");
            assert!(problems[0].contains(word), "{answer}: {problems:?}");
            assert!(!params.server_no_context_takeover);
            assert!(word == "at most 9" || params.server_max_window_bits == 15, "{answer}");
        }
        let alone = parse(&["permessage-deflate; client_max_window_bits=10"]).0;
        assert_eq!(deflate_agreed(&alone, None).unwrap().1, [""; 0], "no request, nothing to compare with");
        assert_eq!(deflate_agreed(&parse(&["x-webkit-deflate-frame"]).0, None), None);
    }

    proptest! {
        #[test]
        fn a_list_is_read_back_as_it_was_written(
            list in proptest::collection::vec(
                ("[a-z!#-]{1,5}", proptest::collection::vec(("[a-z_]{1,5}", proptest::option::of("[a-z0-9.]{1,4}")), 0..4)), 0..5),
            quote: bool, blank in "[ \t]{0,2}", split: bool,
        ) {
            let value = |v: &String| if quote { format!("={blank}\"{v}\"") } else { format!("={v}") };
            let texts: Vec<String> = list.iter().map(|(name, params)| {
                let param = |(n, v): &(String, Option<String>)|
                    format!("{blank};{blank}{n}{}", v.as_ref().map(value).unwrap_or_default());
                name.clone() + &params.iter().map(param).collect::<String>()
            }).collect();
            let lines = if split { texts } else { vec![texts.join(&format!("{blank},{blank}"))] };
            let (parsed, good) = parse_extensions(lines.iter().map(String::as_bytes));
            prop_assert!(good);
            let expected: Vec<Extension> =
                list.into_iter().map(|(name, params)| Extension { name, params }).collect();
            prop_assert_eq!(parsed, expected);
        }

        #[test]
        fn any_bytes_may_be_a_list(value in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b','), Just(b';'), Just(b'='), Just(b'"'), Just(b'\\'), Just(b'a')], 0..60)) {
            let (list, _) = parse_extensions(std::iter::once(&value[..]));
            prop_assert!(list.len() <= value.len());
            let _ = (deflate_agreed(&list, Some(&list)), list.iter().map(deflate_offer).count());
        }
    }
}
