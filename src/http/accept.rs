//! `Sec-WebSocket-Accept` (RFC 6455 section 4.2.2): how it is computed, and how it is got wrong.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// What is appended to the key before hashing (RFC 6455 section 1.3).
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Padding as RFC 4648 section 4 has it. The bits behind the last byte may be anything: many clients
/// draw 22 random characters, and decoders mostly let them pass (section 3.5).
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The right `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` as sent; white space around it does not count.
#[must_use]
pub fn accept_for(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key.trim_ascii()).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// The 16 bytes that a key stands for; `None` where it is not base64 of 16 bytes.
#[must_use]
pub fn decode_key(key: &[u8]) -> Option<[u8; 16]> {
    // One byte more, to see that there are more than 16.
    let mut decoded = [0; 18];
    let len = KEY_BASE64.decode_slice(key.trim_ascii(), &mut decoded).ok()?;
    decoded.get(..len)?.try_into().ok()
}

/// Every value on the way from a key to its accept value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptSteps {
    /// The key as sent, without white space around it.
    pub key: Vec<u8>,
    /// What the key stands for, where it is base64 at all; 16 bytes where it is valid. Not hashed.
    pub decoded: Option<Vec<u8>>,
    /// The key and the [`GUID`].
    pub concatenated: Vec<u8>,
    /// SHA-1 of that.
    pub digest: [u8; 20],
    /// Base64 of the digest.
    pub accept: String,
}

/// Computes a key's accept value step by step.
#[must_use]
pub fn steps(key: &[u8]) -> AcceptSteps {
    let key = key.trim_ascii();
    let concatenated = [key, GUID.as_bytes()].concat();
    let digest = sha1(&concatenated);
    AcceptSteps {
        key: key.to_vec(),
        decoded: KEY_BASE64.decode(key).ok(),
        concatenated,
        digest,
        accept: STANDARD.encode(digest),
    }
}

/// The values that a mistake makes of a key.
type Mistake = fn(&[u8]) -> Vec<String>;

/// Known mistakes, the likeliest first.
const MISTAKES: &[(Mistake, &str)] = &[
    (hex_text, "base64 was applied to the 40-character hex text of the digest, not to its 20 bytes"),
    (key_decoded, "the key was decoded from base64 before hashing; hash its text as sent"),
    (guid_lower_case, "the GUID was in lowercase; it must be in uppercase"),
    (guid_absent, "the GUID was not appended to the key"),
    (line_end, "a line end was hashed too (as echo without -n does)"),
    (space, "a space around the key was hashed too; white space around a header's value does not count"),
    (sha_256, "SHA-256 was used; RFC 6455 requires SHA-1"),
    (md_5, "MD5 was used; RFC 6455 requires SHA-1"),
    (|key| vec![lossy(key)], "it is the key itself, which the server returned without hashing"),
    (hex, "it is the digest in hex; it must be in base64"),
    (base64_variant, "it is in another base64: the alphabet is that of URLs, or the padding is missing"),
];

/// What probably went wrong where `accept` is not the right value for `key`; `None` where it is right or
/// no known mistake explains it.
#[must_use]
pub fn likely_mistake(key: &[u8], accept: &[u8]) -> Option<&'static str> {
    let (key, accept) = (key.trim_ascii(), accept.trim_ascii());
    let right = accept_for(key);
    if accept.is_empty() || accept == right.as_bytes() {
        return None;
    }
    let known =
        MISTAKES.iter().find(|(values, _)| values(key).iter().any(|value| value.as_bytes() == accept));
    match known {
        Some((_, text)) => Some(text),
        None if accept.eq_ignore_ascii_case(right.as_bytes()) => {
            Some("only the case of letters differs; something on the way changed it")
        }
        None => None,
    }
}

fn hex_text(key: &[u8]) -> Vec<String> {
    let digest = steps(key).digest;
    vec![STANDARD.encode(hex::encode(digest)), STANDARD.encode(hex::encode_upper(digest))]
}

fn key_decoded(key: &[u8]) -> Vec<String> {
    KEY_BASE64.decode(key).map(|decoded| hashed(&[&decoded, GUID.as_bytes()])).into_iter().collect()
}

fn guid_lower_case(key: &[u8]) -> Vec<String> {
    vec![hashed(&[key, GUID.to_ascii_lowercase().as_bytes()])]
}

fn guid_absent(key: &[u8]) -> Vec<String> {
    vec![hashed(&[key])]
}

fn line_end(key: &[u8]) -> Vec<String> {
    let ends: [&[u8]; 2] = [b"\n", b"\r\n"];
    let guid = GUID.as_bytes();
    ends.iter().flat_map(|end| [hashed(&[key, guid, end]), hashed(&[key, end, guid])]).collect()
}

fn space(key: &[u8]) -> Vec<String> {
    let guid = GUID.as_bytes();
    vec![hashed(&[b" ", key, guid]), hashed(&[key, b" ", guid]), hashed(&[b" ", key, b" ", guid])]
}

fn sha_256(key: &[u8]) -> Vec<String> {
    vec![STANDARD.encode(Sha256::digest(steps(key).concatenated))]
}

fn md_5(key: &[u8]) -> Vec<String> {
    vec![STANDARD.encode(Md5::digest(steps(key).concatenated))]
}

fn hex(key: &[u8]) -> Vec<String> {
    let digest = steps(key).digest;
    vec![hex::encode(digest), hex::encode_upper(digest)]
}

fn base64_variant(key: &[u8]) -> Vec<String> {
    let AcceptSteps { digest, accept, .. } = steps(key);
    let url = URL_SAFE.encode(digest);
    let bare = |text: &str| text.trim_end_matches('=').to_owned();
    vec![bare(&accept), bare(&url), url]
}

fn hashed(parts: &[&[u8]]) -> String {
    STANDARD.encode(sha1(&parts.concat()))
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn the_example_of_rfc_6455_section_1_3() {
        let steps = steps(KEY);
        assert_eq!(steps.decoded.as_deref(), Some(&b"the sample nonce"[..]));
        assert_eq!(steps.concatenated, b"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        assert_eq!(hex::encode(steps.digest), "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
        assert_eq!(steps.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept_for(b" dGhlIHNhbXBsZSBub25jZQ==\r\n"), steps.accept);
    }

    #[test]
    fn a_key_is_base64_of_sixteen_bytes() {
        assert_eq!(decode_key(KEY).as_ref(), Some(b"the sample nonce"));
        assert!(decode_key(b"dGhlIHNhbXBsZSBub25jZR==").is_some(), "bits behind the last byte do not count");
        for bad in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",    // no padding
            b"dGhlIHNhbXBsZSBub25jZQ=",   // half of it
            b"dGhlIHNhbXBsZSBub25j",      // 15 bytes
            b"dGhlIHNhbXBsZSBub25jZSE=",  // 17 bytes
            b"dGhlIHNhbXBsZSBub25j ZQ==", // a space inside
            b"dGhlIHNhbXBsZSBub25-_Q==",  // another alphabet
            b"the sample nonce",          // not encoded
        ] {
            assert_eq!(decode_key(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    /// Each wrong value was computed with another implementation of the hashes.
    #[test]
    fn known_mistakes_are_named() {
        for (accept, word) in [
            ("YjM3YTRmMmNjMDYyNGYxNjkwZjY0NjA2Y2YzODU5NDViMmJlYzRlYQ==", "hex text"),
            ("BXhwxM0SZasKmCD9S4BfpPmCnEw=", "decoded from base64"),
            ("WJfwerbIozKsJXHxxI0JTO1SQgU=", "lowercase"),
            ("hHLtf2V1k8aDQZfNjw3Ia1hCwt0=", "GUID was not"),
            ("BQgomKt49tqcGtJYe4ASzQz1IXI=", "line end"),
            ("s3mCG3XUBfFRrUGpYOBQiHm5i8g=", "space around"),
            ("c8qeCxwB8sJPxkSckeL76bKL7f642+KYzDiR7EbKyTY=", "SHA-256"),
            ("fI/F95pFHyUax3HLt0ktmQ==", "MD5"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "the key itself"),
            ("b37a4f2cc0624f1690f64606cf385945b2bec4ea", "in hex"),
            ("s3pPLMBiTxaQ9kYGzzhZRbK-xOo=", "another base64"),
            ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "another base64"),
            ("S3PPLMBITXAQ9KYGZZHZRBK+XOO=", "case of letters"),
        ] {
            let text = likely_mistake(KEY, accept.as_bytes()).unwrap_or("nothing");
            assert!(text.contains(word), "{accept}: {text}");
        }
    }

    #[test]
    fn a_published_wrong_value_is_explained() {
        let accept = b"YzgwZjRlZTcxMThiYTdjNDliYzAyNTdmZmNlN2E5MzBmYzNiYTQ0Mg==";
        assert!(likely_mistake(b"c3SkgVxVCDhVCp69PJFf3A==", accept).unwrap().contains("hex text"));
        assert_eq!(accept_for(b"c3SkgVxVCDhVCp69PJFf3A=="), "yA9O5xGLp8SbwCV//OepMPw7pEI=");
    }

    #[test]
    fn a_right_value_and_a_value_of_no_known_kind_are_no_mistake() {
        assert_eq!(likely_mistake(KEY, b" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "), None);
        assert_eq!(likely_mistake(KEY, b"yA9O5xGLp8SbwCV//OepMPw7pEI="), None);
        assert_eq!(likely_mistake(KEY, b""), None);
    }

    proptest! {
        #[test]
        fn another_implementation_computes_the_same(key in "[A-Za-z0-9+/]{22}==") {
            let other = tungstenite::handshake::derive_accept_key(key.as_bytes());
            prop_assert_eq!(accept_for(key.as_bytes()), other);
            prop_assert!(decode_key(key.as_bytes()).is_some());
        }

        #[test]
        fn any_bytes_may_be_a_key_or_an_accept(
            key in proptest::collection::vec(any::<u8>(), 0..60), accept in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let right = accept_for(&key);
            prop_assert_eq!(right.len(), 28);
            prop_assert_eq!(likely_mistake(&key, right.as_bytes()), None);
            let _ = likely_mistake(&key, &accept);
        }
    }
}
