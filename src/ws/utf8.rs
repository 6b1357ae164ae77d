//! UTF-8 checked piece by piece (RFC 6455 section 8.1, RFC 3629).

/// Checks a message that comes in pieces, in one pass and without keeping it.
#[derive(Clone, Debug, Default)]
pub struct Utf8Check {
    /// The beginning of a character whose rest has yet to come.
    carry: [u8; 4],
    carry_len: usize,
    /// Bytes before the carry.
    checked: u64,
    bad: Option<u64>,
}

impl Utf8Check {
    /// A check that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the next piece. After the first bad byte there is nothing left to find.
    #[inline]
    pub fn feed(&mut self, piece: &[u8]) {
        if self.bad.is_none() {
            self.judge(piece);
        }
    }

    /// Where the first byte is that cannot be UTF-8, counted from the message's first, if one came by.
    /// A character that the pieces so far cut in two is not bad yet.
    #[must_use]
    pub fn bad_at(&self) -> Option<u64> {
        self.bad
    }

    /// The verdict on the whole: a character cut by the end is bad, at its first byte.
    ///
    /// # Errors
    /// The offset of the first bad byte, counted from the message's first.
    pub fn finish(&self) -> Result<(), u64> {
        match self.bad {
            Some(at) => Err(at),
            None if self.carry_len > 0 => Err(self.checked),
            None => Ok(()),
        }
    }

    fn judge(&mut self, mut piece: &[u8]) {
        while self.carry_len > 0 {
            let Some((&next, rest)) = piece.split_first() else { return };
            if let Some(to) = self.carry.get_mut(self.carry_len) {
                *to = next;
            }
            let started = self.carry.get(..=self.carry_len).unwrap_or_default();
            match std::str::from_utf8(started) {
                Ok(_) => {
                    self.checked = self.checked.saturating_add(started.len() as u64);
                    self.carry_len = 0;
                }
                Err(error) if error.error_len().is_none() => self.carry_len += 1,
                Err(_) => {
                    self.bad = Some(self.checked);
                    return;
                }
            }
            piece = rest;
        }
        let Err(error) = simdutf8::compat::from_utf8(piece) else {
            self.checked = self.checked.saturating_add(piece.len() as u64);
            return;
        };
        self.checked = self.checked.saturating_add(error.valid_up_to() as u64);
        if error.error_len().is_some() {
            self.bad = Some(self.checked);
            return;
        }
        let tail = piece.get(error.valid_up_to()..).unwrap_or_default();
        for (to, from) in self.carry.iter_mut().zip(tail) {
            *to = *from;
        }
        self.carry_len = tail.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), u64> {
        let mut check = Utf8Check::new();
        pieces.into_iter().for_each(|piece| check.feed(piece));
        check.finish()
    }

    #[test]
    fn a_character_may_be_cut_by_pieces_but_not_by_the_end() {
        assert_eq!(verdict([&b"\xe4"[..], b"\xbd", b"", b"\xa0"]), Ok(()));
        assert_eq!(verdict([&b"ok\xf0\x9f"[..], b"\x98"]), Err(2));
        assert_eq!(verdict([&b"ok\xe4"[..], b"x\xa0"]), Err(2));
    }

    #[test]
    fn surrogates_overlong_forms_and_too_large_values_are_bad_at_their_first_byte() {
        for bad in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80"]
        {
            let whole = [b"abc", bad].concat();
            assert_eq!(verdict(whole.chunks(1)), Err(3));
        }
    }

    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            3 => "[a-z]{0,70}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 1..4),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_verdict_on_the_whole(bytes in nasty(), cuts in prop::collection::vec(any::<u16>(), 0..12)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|&c| usize::from(c) % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let whole = std::str::from_utf8(&bytes).map(|_| ()).map_err(|e| e.valid_up_to() as u64);
            prop_assert_eq!(verdict(pieces), whole);
            prop_assert_eq!(verdict(bytes.chunks(1)), whole);
        }
    }
}
