//! Cipher suites, and opening what they sealed (RFC 5246 section 6.2.3, RFC 8446 section 5.2).

use std::fmt;
use std::ops::Range;

use aes::{Aes128, Aes256};
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use ccm::Ccm;
use ccm::aead::AeadInOut as _;
use ccm::consts::{U8, U12, U16};
use ring::{aead, hmac};
use zeroize::Zeroizing;

use super::schedule::Hash;

/// Length of a record's header.
pub(super) const HEADER_LEN: usize = 5;
/// A block of AES.
const BLOCK: usize = 16;

/// The MAC of a CBC suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

/// What records are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    Gcm128,
    Gcm256,
    ChaCha,
    Ccm128,
    Ccm256,
    Ccm128Short,
    Ccm256Short,
    Cbc128(Mac),
    Cbc256(Mac),
}

impl Bulk {
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Gcm128 | Self::Ccm128 | Self::Ccm128Short | Self::Cbc128(_) => 16,
            Self::Gcm256 | Self::ChaCha | Self::Ccm256 | Self::Ccm256Short | Self::Cbc256(_) => 32,
        }
    }

    /// Bytes of the IV that TLS 1.2 derives; the rest of a nonce stands in the record.
    pub(super) fn fixed_iv_len(self) -> usize {
        match self {
            Self::ChaCha => 12,
            Self::Cbc128(_) | Self::Cbc256(_) => 0,
            _ => 4,
        }
    }

    fn tag_len(self) -> usize {
        match self {
            Self::Ccm128Short | Self::Ccm256Short => 8,
            Self::Cbc128(_) | Self::Cbc256(_) => 0,
            _ => 16,
        }
    }
}

/// A cipher suite that can be opened.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) id: u16,
    /// Its name in IANA's registry.
    pub(super) name: &'static str,
    pub(super) bulk: Bulk,
    /// Of the PRF or the key schedule.
    pub(super) hash: Hash,
}

macro_rules! suites {
    ($($id:literal $name:literal $bulk:expr, $hash:ident;)*) => {
        &[$(Suite { id: $id, name: $name, bulk: $bulk, hash: Hash::$hash }),*]
    };
}

/// All that are known, by number.
static SUITES: &[Suite] = {
    use Bulk::{Cbc128, Cbc256, Ccm128, Ccm128Short, Ccm256, Ccm256Short, ChaCha, Gcm128, Gcm256};
    use Mac::{Sha1, Sha256, Sha384};
    suites! {
        0x002f "TLS_RSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0x0032 "TLS_DHE_DSS_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0x0033 "TLS_DHE_RSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0x0034 "TLS_DH_anon_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0x0035 "TLS_RSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0x0038 "TLS_DHE_DSS_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0x0039 "TLS_DHE_RSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0x003a "TLS_DH_anon_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0x003c "TLS_RSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0x003d "TLS_RSA_WITH_AES_256_CBC_SHA256" Cbc256(Sha256), Sha256;
        0x0040 "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0x0067 "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0x006a "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256" Cbc256(Sha256), Sha256;
        0x006b "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256" Cbc256(Sha256), Sha256;
        0x006c "TLS_DH_anon_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0x006d "TLS_DH_anon_WITH_AES_256_CBC_SHA256" Cbc256(Sha256), Sha256;
        0x008c "TLS_PSK_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0x008d "TLS_PSK_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0x009c "TLS_RSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x009d "TLS_RSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x009e "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x009f "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x00a2 "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x00a3 "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x00a6 "TLS_DH_anon_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x00a7 "TLS_DH_anon_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x00a8 "TLS_PSK_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x00a9 "TLS_PSK_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x00aa "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x00ab "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x00ae "TLS_PSK_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0x00af "TLS_PSK_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0x1301 "TLS_AES_128_GCM_SHA256" Gcm128, Sha256;
        0x1302 "TLS_AES_256_GCM_SHA384" Gcm256, Sha384;
        0x1303 "TLS_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0x1304 "TLS_AES_128_CCM_SHA256" Ccm128, Sha256;
        0x1305 "TLS_AES_128_CCM_8_SHA256" Ccm128Short, Sha256;
        0xc004 "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc005 "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc009 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc00a "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc00e "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc00f "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc013 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc014 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc018 "TLS_ECDH_anon_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc019 "TLS_ECDH_anon_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc023 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0xc024 "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0xc025 "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0xc026 "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0xc027 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0xc028 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0xc029 "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0xc02a "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0xc02b "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0xc02c "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0xc02d "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0xc02e "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0xc02f "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0xc030 "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0xc031 "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0xc032 "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
        0xc035 "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA" Cbc128(Sha1), Sha256;
        0xc036 "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA" Cbc256(Sha1), Sha256;
        0xc037 "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256" Cbc128(Sha256), Sha256;
        0xc038 "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384" Cbc256(Sha384), Sha384;
        0xc09c "TLS_RSA_WITH_AES_128_CCM" Ccm128, Sha256;
        0xc09d "TLS_RSA_WITH_AES_256_CCM" Ccm256, Sha256;
        0xc09e "TLS_DHE_RSA_WITH_AES_128_CCM" Ccm128, Sha256;
        0xc09f "TLS_DHE_RSA_WITH_AES_256_CCM" Ccm256, Sha256;
        0xc0a0 "TLS_RSA_WITH_AES_128_CCM_8" Ccm128Short, Sha256;
        0xc0a1 "TLS_RSA_WITH_AES_256_CCM_8" Ccm256Short, Sha256;
        0xc0a2 "TLS_DHE_RSA_WITH_AES_128_CCM_8" Ccm128Short, Sha256;
        0xc0a3 "TLS_DHE_RSA_WITH_AES_256_CCM_8" Ccm256Short, Sha256;
        0xc0a4 "TLS_PSK_WITH_AES_128_CCM" Ccm128, Sha256;
        0xc0a5 "TLS_PSK_WITH_AES_256_CCM" Ccm256, Sha256;
        0xc0a6 "TLS_DHE_PSK_WITH_AES_128_CCM" Ccm128, Sha256;
        0xc0a7 "TLS_DHE_PSK_WITH_AES_256_CCM" Ccm256, Sha256;
        0xc0a8 "TLS_PSK_WITH_AES_128_CCM_8" Ccm128Short, Sha256;
        0xc0a9 "TLS_PSK_WITH_AES_256_CCM_8" Ccm256Short, Sha256;
        0xc0ac "TLS_ECDHE_ECDSA_WITH_AES_128_CCM" Ccm128, Sha256;
        0xc0ad "TLS_ECDHE_ECDSA_WITH_AES_256_CCM" Ccm256, Sha256;
        0xc0ae "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" Ccm128Short, Sha256;
        0xc0af "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8" Ccm256Short, Sha256;
        0xcca8 "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xcca9 "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xccaa "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xccab "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xccac "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xccad "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256" ChaCha, Sha256;
        0xd001 "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" Gcm128, Sha256;
        0xd002 "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384" Gcm256, Sha384;
    }
};

/// The suite with a number.
pub(super) fn suite(id: u16) -> Option<&'static Suite> {
    SUITES.binary_search_by_key(&id, |suite| suite.id).ok().and_then(|at| SUITES.get(at))
}

/// The name of a cipher suite in IANA's registry, or its number.
#[must_use]
pub fn suite_name(id: u16) -> String {
    suite(id).map_or_else(|| format!("0x{id:04x}"), |suite| suite.name.to_owned())
}

enum Cipher {
    Ring(aead::LessSafeKey),
    Ccm128(Ccm<Aes128, U16, U12>),
    Ccm256(Ccm<Aes256, U16, U12>),
    Ccm128Short(Ccm<Aes128, U8, U12>),
    Ccm256Short(Ccm<Aes256, U8, U12>),
    Cbc { key: Zeroizing<Box<[u8]>>, mac: hmac::Key, mac_len: usize, encrypt_then_mac: bool },
}

/// The key of one direction. It is only ever read: copies of a connection's state share it.
pub(super) struct Opener {
    cipher: Cipher,
    /// All of the nonce, or as much as TLS 1.2 derives of it.
    iv: Zeroizing<[u8; 12]>,
    /// Eight bytes of the nonce stand in each record.
    explicit: bool,
    tls13: bool,
    tag_len: usize,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

impl Opener {
    /// Of TLS 1.3; `None` for a suite that it does not have.
    pub(super) fn tls13(bulk: Bulk, key: &[u8], iv: &[u8; 12]) -> Option<Self> {
        if matches!(bulk, Bulk::Cbc128(_) | Bulk::Cbc256(_)) {
            return None;
        }
        let cipher = Cipher::aead(bulk, key)?;
        Some(Self { cipher, iv: Zeroizing::new(*iv), explicit: false, tls13: true, tag_len: bulk.tag_len() })
    }

    /// Of TLS 1.2.
    pub(super) fn tls12(
        bulk: Bulk,
        mac_key: &[u8],
        key: &[u8],
        fixed_iv: &[u8],
        encrypt_then_mac: bool,
    ) -> Option<Self> {
        let mut iv = Zeroizing::new([0; 12]);
        iv.get_mut(..fixed_iv.len())?.copy_from_slice(fixed_iv);
        let cipher = match bulk {
            Bulk::Cbc128(mac) | Bulk::Cbc256(mac) => Cipher::Cbc {
                key: Zeroizing::new(key.into()),
                mac: mac.key(mac_key),
                mac_len: mac.len(),
                encrypt_then_mac,
            },
            _ => Cipher::aead(bulk, key)?,
        };
        let explicit = fixed_iv.len() == 4;
        Some(Self { cipher, iv, explicit, tls13: false, tag_len: bulk.tag_len() })
    }

    /// Bytes that a record has more than its content, header included; of CBC, at least.
    pub(super) fn overhead(&self) -> u64 {
        let inner = match &self.cipher {
            Cipher::Cbc { mac_len, encrypt_then_mac: false, .. } => BLOCK + mac_len + 1,
            Cipher::Cbc { mac_len, encrypt_then_mac: true, .. } => BLOCK + 1 + mac_len,
            _ => self.tag_len + if self.explicit { 8 } else { 0 },
        };
        (HEADER_LEN + inner + usize::from(self.tls13)) as u64
    }

    /// Whether the length of the content follows from that of the record; in TLS 1.3, if it is not padded.
    pub(super) fn is_exact(&self) -> bool {
        !matches!(self.cipher, Cipher::Cbc { .. })
    }

    /// Opens a record, header included, in place; where its content then is. `None` where its authentication
    /// fails: the bytes behind the header are then lost.
    pub(super) fn open(&self, seq: u64, record: &mut [u8]) -> Option<Range<usize>> {
        let (header, body) = record.split_at_mut_checked(HEADER_LEN)?;
        if let Cipher::Cbc { .. } = self.cipher {
            return self.open_cbc(seq, header, body);
        }
        let mut nonce = *self.iv;
        let start = if self.explicit { 8 } else { 0 };
        let (explicit, sealed) = body.split_at_mut_checked(start)?;
        if self.explicit {
            nonce.get_mut(4..)?.copy_from_slice(explicit);
        } else {
            let words = nonce.get_mut(4..)?.iter_mut().zip(seq.to_be_bytes());
            words.for_each(|(byte, of_seq)| *byte ^= of_seq);
        }
        let len = sealed.len().checked_sub(self.tag_len)?;
        let mut additional = [0; 13];
        let additional = if self.tls13 {
            header
        } else {
            self::additional(&mut additional, seq, header, len)?;
            additional.as_mut_slice()
        };
        self.cipher.open(nonce, additional, sealed, len)?;
        let start = HEADER_LEN + start;
        Some(start..start + len)
    }

    /// RFC 5246 section 6.2.3.2, RFC 7366.
    fn open_cbc(&self, seq: u64, header: &[u8], body: &mut [u8]) -> Option<Range<usize>> {
        let Cipher::Cbc { key, mac, mac_len, encrypt_then_mac } = &self.cipher else { return None };
        let mut additional = [0; 13];
        let mut body = body;
        if *encrypt_then_mac {
            let (sealed, tag) = body.split_at_mut_checked(body.len().checked_sub(*mac_len)?)?;
            self::additional(&mut additional, seq, header, sealed.len())?;
            is_signed(mac, &additional, sealed, tag).then_some(())?;
            body = sealed;
        }
        let (iv, sealed) = body.split_at_mut_checked(BLOCK)?;
        if sealed.is_empty() || sealed.len() % BLOCK != 0 {
            return None;
        }
        decrypt_cbc(key, iv, sealed)?;
        let padding = usize::from(*sealed.last()?);
        let end = sealed.len().checked_sub(padding + 1)?;
        if sealed.get(end..)?.iter().any(|byte| usize::from(*byte) != padding) {
            return None;
        }
        let start = HEADER_LEN + BLOCK;
        if *encrypt_then_mac {
            return Some(start..start + end);
        }
        let len = end.checked_sub(*mac_len)?;
        let (content, tag) = sealed.get(..end)?.split_at_checked(len)?;
        self::additional(&mut additional, seq, header, len)?;
        is_signed(mac, &additional, content, tag).then(|| start..start + len)
    }
}

/// What TLS 1.2 authenticates beside the content: sequence number, type, version, length.
fn additional(out: &mut [u8; 13], seq: u64, header: &[u8], len: usize) -> Option<()> {
    let (of_seq, rest) = out.split_at_mut_checked(8)?;
    of_seq.copy_from_slice(&seq.to_be_bytes());
    let (kind, of_len) = rest.split_at_mut_checked(3)?;
    kind.copy_from_slice(header.get(..3)?);
    of_len.copy_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
    Some(())
}

fn is_signed(key: &hmac::Key, additional: &[u8], content: &[u8], tag: &[u8]) -> bool {
    let mut context = hmac::Context::with_key(key);
    context.update(additional);
    context.update(content);
    context.sign().as_ref() == tag
}

fn decrypt_cbc(key: &[u8], iv: &[u8], sealed: &mut [u8]) -> Option<()> {
    let (blocks, _) = cbc::cipher::Array::slice_as_chunks_mut(sealed);
    match key.len() {
        16 => cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?.decrypt_blocks(blocks),
        _ => cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?.decrypt_blocks(blocks),
    }
    Some(())
}

impl Cipher {
    fn aead(bulk: Bulk, key: &[u8]) -> Option<Self> {
        use ccm::KeyInit as _;
        let ring = |algorithm| {
            aead::UnboundKey::new(algorithm, key).ok().map(|key| Self::Ring(aead::LessSafeKey::new(key)))
        };
        match bulk {
            Bulk::Gcm128 => ring(&aead::AES_128_GCM),
            Bulk::Gcm256 => ring(&aead::AES_256_GCM),
            Bulk::ChaCha => ring(&aead::CHACHA20_POLY1305),
            Bulk::Ccm128 => Ccm::new_from_slice(key).ok().map(Self::Ccm128),
            Bulk::Ccm256 => Ccm::new_from_slice(key).ok().map(Self::Ccm256),
            Bulk::Ccm128Short => Ccm::new_from_slice(key).ok().map(Self::Ccm128Short),
            Bulk::Ccm256Short => Ccm::new_from_slice(key).ok().map(Self::Ccm256Short),
            Bulk::Cbc128(_) | Bulk::Cbc256(_) => None,
        }
    }

    /// Opens `sealed`, of which `len` bytes are content and the rest is the tag.
    fn open(&self, nonce: [u8; 12], additional: &[u8], sealed: &mut [u8], len: usize) -> Option<()> {
        if let Self::Ring(key) = self {
            let nonce = aead::Nonce::assume_unique_for_key(nonce);
            return key.open_in_place(nonce, aead::Aad::from(additional), sealed).ok().map(|_| ());
        }
        let (content, tag) = sealed.split_at_mut_checked(len)?;
        let nonce = &nonce.into();
        match self {
            Self::Ccm128(ccm) => {
                ccm.decrypt_inout_detached(nonce, additional, content.into(), (&*tag).try_into().ok()?)
            }
            Self::Ccm256(ccm) => {
                ccm.decrypt_inout_detached(nonce, additional, content.into(), (&*tag).try_into().ok()?)
            }
            Self::Ccm128Short(ccm) => {
                ccm.decrypt_inout_detached(nonce, additional, content.into(), (&*tag).try_into().ok()?)
            }
            Self::Ccm256Short(ccm) => {
                ccm.decrypt_inout_detached(nonce, additional, content.into(), (&*tag).try_into().ok()?)
            }
            Self::Ring(_) | Self::Cbc { .. } => return None,
        }
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_stand_in_the_order_of_their_numbers() {
        assert!(SUITES.is_sorted_by(|a, b| a.id < b.id));
        assert_eq!(suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
        assert_eq!(suite_name(0xfafa), "0xfafa");
    }

    #[test]
    fn a_record_too_short_for_its_tag_is_not_opened() {
        for bulk in [Bulk::Gcm128, Bulk::Gcm256, Bulk::ChaCha, Bulk::Ccm128, Bulk::Ccm256Short] {
            for len in 0..40 {
                let mut record = vec![0x17; HEADER_LEN + len];
                assert_eq!(
                    Opener::tls13(bulk, &[1; 32][..bulk.key_len()], &[2; 12]).unwrap().open(0, &mut record),
                    None
                );
            }
        }
        for bulk in [Bulk::Cbc128(Mac::Sha1), Bulk::Cbc256(Mac::Sha384), Bulk::Gcm128, Bulk::Ccm128Short] {
            for (len, etm) in (0..100).flat_map(|len| [(len, false), (len, true)]) {
                let mut record = vec![0x17; HEADER_LEN + len];
                let iv = &[3; 12][..bulk.fixed_iv_len()];
                let opener = Opener::tls12(bulk, &[1; 20], &[1; 32][..bulk.key_len()], iv, etm).unwrap();
                assert_eq!(opener.open(0, &mut record), None);
            }
        }
    }
}
