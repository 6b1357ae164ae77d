//! Masking (RFC 6455 section 5.3): XOR with a four-byte key, its own inverse.

/// Unmasks (or masks) `bytes` in place. `offset` is the place of `bytes[0]` in the frame's payload.
#[inline]
pub fn unmask(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    if key == [0; 4] {
        return;
    }
    let turn = u32::from_ne_bytes(key);
    let rotation = ((offset & 3) as u32) * 8;
    let turned =
        if cfg!(target_endian = "little") { turn.rotate_right(rotation) } else { turn.rotate_left(rotation) };
    let wide = u64::from(turned) | u64::from(turned) << 32;
    let (chunks, tail) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_masked_hello_of_rfc_6455_section_5_7() {
        let mut bytes = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        unmask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&bytes, b"Hello");
    }

    proptest! {
        #[test]
        fn each_byte_is_xored_with_the_key_byte_of_its_place(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), key: [u8; 4], offset: u32,
        ) {
            let mut fast = bytes.clone();
            unmask(&mut fast, key, u64::from(offset));
            let plain: Vec<u8> = bytes.iter().enumerate()
                .map(|(i, b)| b ^ key[(offset as usize + i) % 4]).collect();
            prop_assert_eq!(fast, plain);
        }
    }
}
