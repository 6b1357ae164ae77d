//! From secrets to keys: the TLS 1.2 PRF (RFC 5246 section 5) and the TLS 1.3 key schedule (RFC 8446 section 7).

use crate::model::{to_u8, to_u16};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::cipher::{Bulk, Mac, Opener, Suite};
use super::keylog::Secret;

/// The hash of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    /// Bytes of its output, and so of a TLS 1.3 secret.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// The hash of some bytes.
    pub(super) fn digest(self, bytes: &[u8]) -> digest::Digest {
        match self {
            Self::Sha256 => digest::digest(&digest::SHA256, bytes),
            Self::Sha384 => digest::digest(&digest::SHA384, bytes),
        }
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446 section 7.1).
pub(super) fn expand_label(hash: Hash, secret: &[u8], label: &str, out: &mut [u8]) {
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut info = Vec::with_capacity(32);
    info.extend_from_slice(&to_u16(out.len()).to_be_bytes());
    info.push(6 + to_u8(label.len()));
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut block: Option<hmac::Tag> = None;
    for (at, part) in out.chunks_mut(hash.len()).enumerate() {
        let mut context = hmac::Context::with_key(&key);
        context.update(block.as_ref().map(AsRef::as_ref).unwrap_or_default());
        context.update(&info);
        context.update(&[to_u8(at) + 1]);
        let tag = context.sign();
        copy(part, tag.as_ref());
        block = Some(tag);
    }
}

/// The traffic secret after a KeyUpdate (RFC 8446 section 7.2).
pub(super) fn next_secret(hash: Hash, secret: &Secret) -> Secret {
    let mut next = Zeroizing::new([0; 48]);
    let next = next.get_mut(..hash.len()).unwrap_or_default();
    expand_label(hash, secret.bytes(), "traffic upd", next);
    Secret::new(next)
}

/// The keys of a TLS 1.3 traffic secret; `None` where its length is not that of the suite's hash.
pub(super) fn traffic_keys(suite: &Suite, secret: &Secret) -> Option<Opener> {
    if secret.bytes().len() != suite.hash.len() {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    let key = key.get_mut(..suite.bulk.key_len())?;
    let mut iv = Zeroizing::new([0; 12]);
    expand_label(suite.hash, secret.bytes(), "key", key);
    expand_label(suite.hash, secret.bytes(), "iv", &mut *iv);
    Opener::tls13(suite.bulk, key, &iv)
}

/// The PRF of TLS 1.2: P_hash over label and seed (RFC 5246 section 5).
pub(super) fn prf(hash: Hash, secret: &[u8], label: &str, seeds: &[&[u8]], out: &mut [u8]) {
    let key = hmac::Key::new(hash.hmac(), secret);
    let seeded = |first: &[u8]| {
        let mut context = hmac::Context::with_key(&key);
        context.update(first);
        context.update(label.as_bytes());
        seeds.iter().for_each(|seed| context.update(seed));
        context.sign()
    };
    let mut a = seeded(&[]);
    for part in out.chunks_mut(hash.len()) {
        copy(part, seeded(a.as_ref()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// The master secret of TLS 1.2 from the pre-master secret. With extended master secret (RFC 7627) the seed
/// is the hash of the handshake so far, otherwise both randoms.
pub(super) fn master_secret(hash: Hash, pre_master: &Secret, extended: bool, seeds: &[&[u8]]) -> Secret {
    let label = if extended { "extended master secret" } else { "master secret" };
    let mut master = Zeroizing::new([0; 48]);
    prf(hash, pre_master.bytes(), label, seeds, &mut *master);
    Secret::new(&*master)
}

/// The client's and the server's keys of TLS 1.2 (RFC 5246 section 6.3).
pub(super) fn key_block(
    suite: &Suite,
    master: &Secret,
    client_random: &[u8; 32],
    server_random: &[u8; 32],
    encrypt_then_mac: bool,
) -> Option<(Opener, Opener)> {
    // Two MAC keys of 48 bytes, two keys of 32, two IVs of 12 at most.
    let mut block = Zeroizing::new([0; 2 * (48 + 32 + 12)]);
    prf(suite.hash, master.bytes(), "key expansion", &[server_random, client_random], &mut *block);
    let mac_len = match suite.bulk {
        Bulk::Cbc128(mac) | Bulk::Cbc256(mac) => mac.len(),
        _ => 0,
    };
    let (key_len, iv_len) = (suite.bulk.key_len(), suite.bulk.fixed_iv_len());
    let mut rest: &[u8] = &*block;
    let mut next = |len| {
        let (part, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(part)
    };
    let macs = (next(mac_len)?, next(mac_len)?);
    let keys = (next(key_len)?, next(key_len)?);
    let ivs = (next(iv_len)?, next(iv_len)?);
    Some((
        Opener::tls12(suite.bulk, macs.0, keys.0, ivs.0, encrypt_then_mac)?,
        Opener::tls12(suite.bulk, macs.1, keys.1, ivs.1, encrypt_then_mac)?,
    ))
}

impl Mac {
    /// Bytes of its output and of its key.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    pub(super) fn key(self, key: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        };
        hmac::Key::new(algorithm, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digits: &str) -> Vec<u8> {
        hex::decode(digits.replace(' ', "")).unwrap()
    }

    /// RFC 8448 section 3: traffic secrets, and the keys and IVs derived from them.
    #[test]
    fn the_keys_of_rfc_8448_come_out() {
        let cases = [
            (
                "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
                "dbfaa693d1762c5b666af5d950258d01",
                "5bd3c71b836e0b76bb73265f",
            ),
            (
                "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
                "3fce516009c21727d0f2e4e86ee403bc",
                "5d313eb2671276ee13000b30",
            ),
        ];
        for (secret, key, iv) in cases {
            let (mut got_key, mut got_iv) = ([0; 16], [0; 12]);
            expand_label(Hash::Sha256, &hex(secret), "key", &mut got_key);
            expand_label(Hash::Sha256, &hex(secret), "iv", &mut got_iv);
            assert_eq!((got_key.to_vec(), got_iv.to_vec()), (hex(key), hex(iv)));
        }
    }

    /// The test vectors of the TLS 1.2 PRF that were posted to the TLS working group's list.
    #[test]
    fn the_prf_of_tls_1_2_gives_the_known_bytes() {
        let mut out = [0; 100];
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        prf(Hash::Sha256, &hex("9bbe436ba940f017b17652849a71db35"), "test label", &[&seed], &mut out);
        assert_eq!(
            out.to_vec(),
            hex("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9\
                 c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789ba\
                 a48082d122ee42c5a72e5a5110fff70187347b66")
        );
        let mut out = [0; 148];
        let seed = hex("cd665cf6a8447dd6ff8b27555edb7465");
        prf(Hash::Sha384, &hex("b80b733d6ceefcdc71566ea48e5567df"), "test label", &[&seed], &mut out);
        assert_eq!(
            out.to_vec(),
            hex("7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe3\
                 4f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3\
                 d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236\
                 a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f")
        );
    }
}
