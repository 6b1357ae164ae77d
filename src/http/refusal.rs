//! The beginning of the body of a response that refuses an upgrade, with its codings undone (RFC 9110 section 8.4,
//! RFC 9112 section 7).

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::quoted;
use crate::model::{Body, Head, safe_text};

/// Bytes of a body that are kept once its codings are undone.
pub const BODY_SHOWN: usize = 1024;
/// Bytes of a compressed body that are kept until they are decompressed.
const COMPRESSED: usize = 4096;
/// Codings of a body that are undone. More of them are no honest response.
const MOST_CODINGS: usize = 4;

/// The end of a sentence that quotes a body's beginning; empty where it is no text.
pub(super) fn remark(body: &Body) -> String {
    match body.text().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => format!("; its body begins {}", quoted(text.as_bytes())),
        None => String::new(),
    }
}

/// Whether a body says that the port expects TLS, as servers answer to plain HTTP.
pub(super) fn asks_for_tls(body: &Body) -> bool {
    const PHRASES: [&str; 5] = [
        "http request was sent to https port",       // nginx, Envoy
        "http request to an https server",           // Go
        "speaking plain http to an ssl-enabled",     // Apache
        "combination of host and port requires tls", // Tomcat
        "http to an https",
    ];
    let text = String::from_utf8_lossy(&body.bytes).to_ascii_lowercase();
    body.encoded.is_none() && PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// Collects the beginning of a body, whose framing was removed.
#[derive(Clone, Debug)]
pub struct BodySample {
    raw: Vec<u8>,
    /// The codings of the header fields in the order applied, and whether chunks carried the body.
    codings: Vec<String>,
    chunked: bool,
    /// Bytes came that are not kept, or are missing.
    more: bool,
}

impl BodySample {
    /// For the body of a response.
    #[must_use]
    pub fn new(response: &Head) -> Self {
        let names = |name| {
            let elements = response.values(name).flat_map(|value| value.split(|byte| *byte == b','));
            elements
                .map(|coding| coding.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii())
                .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
                .map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase())
                .take(MOST_CODINGS + 1)
                .collect::<Vec<_>>()
        };
        let mut codings = names("Content-Encoding");
        codings.extend(names("Transfer-Encoding"));
        let all = codings.len();
        codings.retain(|coding| coding != "chunked");
        Self { raw: Vec::new(), chunked: codings.len() < all, codings, more: false }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        let most = if self.codings.is_empty() { BODY_SHOWN } else { COMPRESSED };
        let room = most.saturating_sub(self.raw.len()).min(bytes.len());
        self.raw.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.more |= room < bytes.len();
    }

    /// Bytes of the body are missing: what follows them is not taken.
    pub fn stop(&mut self) {
        self.more = true;
    }

    /// Whether nothing more is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.more
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.raw.capacity()
    }

    /// The body as far as it was taken; `None` where there is none. `complete`: its end was captured.
    #[must_use]
    pub fn finish(self, complete: bool) -> Option<Body> {
        let Self { raw: mut bytes, codings, chunked, more } = self;
        if bytes.is_empty() {
            return None;
        }
        let mut decoded = if chunked { vec!["chunked"] } else { Vec::new() };
        let (mut cut, mut encoded) = (more || !complete, None);
        for coding in codings.iter().rev() {
            let done = if decoded.len() > MOST_CODINGS { None } else { decode(coding, &bytes) };
            let Some((name, content, whole)) = done else {
                encoded = Some(safe_text(coding.as_bytes()));
                break;
            };
            decoded.push(name);
            bytes = content;
            cut |= !whole;
        }
        cut |= bytes.len() > BODY_SHOWN;
        bytes.truncate(BODY_SHOWN);
        Some(Body { bytes: bytes.into_boxed_slice(), cut, decoded, encoded })
    }
}

/// Undoes a coding, as far as the bytes go: its name, what it held, whether that is all of it. `None` where it is unknown,
/// or the bytes have another one.
fn decode(coding: &str, bytes: &[u8]) -> Option<(&'static str, Vec<u8>, bool)> {
    let (name, found) = match coding {
        "gzip" | "x-gzip" => ("gzip", inflate(GzDecoder::new(bytes))),
        // RFC 9110 section 8.4.1.2 means zlib; some servers send DEFLATE without it.
        "deflate" => {
            let zlib = inflate(ZlibDecoder::new(bytes));
            ("deflate", if zlib.0.is_empty() { inflate(DeflateDecoder::new(bytes)) } else { zlib })
        }
        _ => return None,
    };
    let (content, whole) = found;
    (!content.is_empty()).then_some((name, content, whole))
}

/// What comes out before the bound, the end or an error; whether it is all.
fn inflate(mut from: impl Read) -> (Vec<u8>, bool) {
    let mut out = vec![0; COMPRESSED];
    let mut len = 0;
    loop {
        match from.read(out.get_mut(len..).unwrap_or_default()) {
            Ok(0) => {
                let whole = len < out.len();
                out.truncate(len);
                return (out, whole);
            }
            Ok(count) => len += count,
            Err(_) => {
                out.truncate(len);
                return (out, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;
    use crate::http::{HeadKind, HeadLimits, HeadScan, scan};

    fn sample(lines: &str, body: &[u8]) -> Option<Body> {
        let text = format!("HTTP/1.1 400 Bad Request{lines}\r\n\r\n");
        let HeadScan::Done(head, _) = scan(HeadKind::Response, text.as_bytes(), &HeadLimits::default())
        else {
            panic!("{text}")
        };
        let mut sample = BodySample::new(&head);
        body.chunks(7).for_each(|bytes| sample.push(bytes));
        sample.finish(true)
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_are_undone_and_named() {
        let body = b"{\"code\":1,\"message\":\"Session ID unknown\"}";
        let plain = sample("", body).unwrap();
        assert_eq!((&*plain.bytes, plain.cut, plain.decoded.len()), (&body[..], false, 0));
        let zipped = sample("\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked", &gzip(body)).unwrap();
        assert_eq!((&*zipped.bytes, zipped.cut, zipped.decoded), (&body[..], false, vec!["chunked", "gzip"]));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(body).unwrap();
        let zlib = sample("\r\nContent-Encoding: deflate", &zlib.finish().unwrap()).unwrap();
        assert_eq!((&*zlib.bytes, zlib.encoded), (&body[..], None));
    }

    #[test]
    fn an_unknown_or_damaged_coding_is_kept_and_no_text() {
        let brotli = sample("\r\nContent-Encoding: br", b"\x0b\x02\x80abc\x03").unwrap();
        assert_eq!(
            (brotli.encoded.as_deref(), brotli.text(), brotli.first_line()),
            (Some("br"), None, String::new())
        );
        let damaged = sample("\r\nContent-Encoding: gzip", b"not gzip at all").unwrap();
        assert_eq!((damaged.encoded.as_deref(), &*damaged.bytes), (Some("gzip"), &b"not gzip at all"[..]));
    }

    #[test]
    fn no_more_than_a_kibibyte_is_kept_whatever_it_unpacks_to() {
        let bomb = sample("\r\nContent-Encoding: gzip", &gzip(&vec![b'x'; 1 << 20])).unwrap();
        assert_eq!((bomb.bytes.len(), bomb.cut), (BODY_SHOWN, true));
        let long = sample("", &[b'y'; 5000]).unwrap();
        assert_eq!((long.bytes.len(), long.cut), (BODY_SHOWN, true));
        let exact = sample("", &[b'y'; BODY_SHOWN]).unwrap();
        assert_eq!((exact.bytes.len(), exact.cut), (BODY_SHOWN, false));
        assert_eq!(sample("", b""), None);
    }

    #[test]
    fn a_cut_character_is_left_out_and_the_first_line_is_safe() {
        let body = Body {
            bytes: "é\u{1b}[31m\nsecond\u{20ac}".as_bytes()[..14].into(),
            cut: true,
            decoded: vec![],
            encoded: None,
        };
        assert!(body.text().unwrap().ends_with("second"), "{body:?}");
        assert!(!body.first_line().contains('\u{1b}') && body.first_line().starts_with('é'));
        assert!(asks_for_tls(&sample("", b"400 The plain HTTP request was sent to HTTPS port").unwrap()));
        assert!(!asks_for_tls(&sample("", b"use HTTPS in production").unwrap()));
    }
}
