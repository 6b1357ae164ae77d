//! Blocks (RFC 1951 section 3.2.3), in any pieces of input.

// Codes, lengths and symbols are packed into the bits of one number.
#![allow(clippy::cast_possible_truncation)]

use super::bits::Bits;
use super::codes::{
    Coded, Codes, DIST_BITS, DISTS, END, FIXED, LENS, LITERAL, LITLEN_BITS, LITLENS, Lens, SECOND, SPECIAL,
};
use super::window::{ROOM, SlidingWindow, copy_match};

/// The order in which the lengths of the code of code lengths come (RFC 1951 section 3.2.7).
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a block with codes of its own needs while it is under way.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    codes: Codes,
    lens_code: Lens,
    /// The lengths of the codes of code lengths.
    lens: [u8; 19],
    /// The symbols of both codes that there are, those of distances behind all literals and lengths.
    symbols: [Coded; 320],
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            codes: Codes::default(),
            lens_code: Lens::default(),
            lens: [0; 19],
            symbols: [Coded::default(); 320],
        }
    }
}

/// Where in the stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a block.
    Head,
    /// Before the length of a stored block.
    StoredLen,
    /// In a stored block, with so many bytes to come.
    Stored(usize),
    /// Before the numbers of code lengths.
    Numbers,
    /// Before the lengths of the code of code lengths.
    LensCode,
    /// Before the code lengths.
    Lens,
    /// In a block with the codes that need not be told.
    Fixed,
    /// In a block with codes of its own.
    Dynamic,
}

/// Why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockStop {
    /// The input is over.
    Input,
    /// There is no room for more output.
    Room,
    /// It is no deflate.
    Damaged,
    /// A distance leads to before everything that is known.
    TooFar,
}

/// How a block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockEnd {
    /// There was no block since the stream began.
    None,
    /// It was marked as the last one (BFINAL).
    Final,
    /// It was stored and empty, as a flush leaves it.
    Flush,
    /// Otherwise.
    Other,
}

/// Where a message ends that does not end where it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageEnd {
    /// Behind a block: the header of an empty one should follow.
    BetweenBlocks(BlockEnd),
    /// Inside a block: some of it is missing.
    InsideBlock,
}

/// Reads blocks.
#[derive(Clone, Debug)]
pub(super) struct DeflateBlocks {
    bits: Bits,
    at: At,
    /// The block at hand is marked as the last one.
    last: bool,
    /// The block at hand is stored and empty: what a flush adds.
    is_flush: bool,
    /// How the last complete block of the stream ended.
    ended: BlockEnd,
    litlens: usize,
    dists: usize,
    lens_codes: usize,
    /// How many of the lengths are there, and how many of them are not 0.
    have: usize,
    used: usize,
    /// The last one.
    before: u8,
    /// The largest distance so far.
    pub(super) farthest: usize,
}

impl Default for DeflateBlocks {
    fn default() -> Self {
        Self {
            bits: Bits::default(),
            at: At::Head,
            last: false,
            is_flush: false,
            ended: BlockEnd::None,
            litlens: 0,
            dists: 0,
            lens_codes: 0,
            have: 0,
            used: 0,
            before: 0,
            farthest: 0,
        }
    }
}

impl DeflateBlocks {
    /// Goes to the begin of a block.
    pub(super) fn reset(&mut self) {
        (self.bits, self.at, self.last) = (Bits::default(), At::Head, false);
        self.ended = BlockEnd::None;
    }

    /// Begins a message, where the one before ended.
    pub(super) fn begin_message(&mut self) {
        (self.ended, self.farthest) = (BlockEnd::None, 0);
    }

    /// Where a message ends, behind the tail that its sender had to cut off. `None`: where it has to, with nothing left.
    ///
    /// A sender ends a message with the header of an empty stored block, whose other four bytes are the tail (RFC 7692
    /// section 7.2.1). Where that header is missing, the tail is taken for a header and half of a length.
    pub(super) fn message_end(&self) -> Option<MessageEnd> {
        match self.at {
            At::Head if self.bits.len == 0 => None,
            At::StoredLen if self.bits.len == 24 && self.bits.hold == 0xff_ff00 => {
                Some(MessageEnd::BetweenBlocks(self.ended))
            }
            _ => Some(MessageEnd::InsideBlock),
        }
    }

    /// Whether the tables have to be the same when it goes on.
    pub(super) fn needs_tables(&self) -> bool {
        matches!(self.at, At::LensCode | At::Lens | At::Dynamic)
    }

    /// Decodes until something is lacking or wrong. All input is taken where it is input that is lacking.
    pub(super) fn run(
        &mut self,
        input: &mut &[u8],
        window: &mut SlidingWindow,
        tables: &mut Tables,
    ) -> BlockStop {
        loop {
            let stop = match self.at {
                At::Head => self.head(input),
                At::StoredLen => self.stored_len(input),
                At::Stored(left) => self.stored(left, input, window),
                At::Numbers => self.numbers(input),
                At::LensCode => self.lens_code(input, tables),
                At::Lens => self.lens(input, tables),
                At::Fixed => self.symbols(input, window, &FIXED),
                At::Dynamic => self.symbols(input, window, &tables.codes),
            };
            if let Some(stop) = stop {
                return stop;
            }
        }
    }

    fn head(&mut self, input: &mut &[u8]) -> Option<BlockStop> {
        let Some(head) = self.bits.take(3, input) else { return Some(BlockStop::Input) };
        (self.last, self.is_flush) = (head & 1 != 0, false);
        self.at = match head >> 1 {
            0 => {
                self.bits.align();
                At::StoredLen
            }
            1 => At::Fixed,
            2 => At::Numbers,
            _ => return Some(BlockStop::Damaged),
        };
        None
    }

    fn end_block(&mut self) {
        self.at = At::Head;
        self.ended = match (self.last, self.is_flush) {
            (true, _) => BlockEnd::Final,
            (false, true) => BlockEnd::Flush,
            (false, false) => BlockEnd::Other,
        };
        if self.last {
            // What was compressed ends here; a next one begins with a whole byte (RFC 7692 section 7.2.3.4).
            self.bits.align();
        }
    }

    fn stored_len(&mut self, input: &mut &[u8]) -> Option<BlockStop> {
        let Some(both) = self.bits.take(32, input) else { return Some(BlockStop::Input) };
        if both & 0xffff != !both >> 16 {
            return Some(BlockStop::Damaged);
        }
        self.at = At::Stored(both as usize & 0xffff);
        self.is_flush = both & 0xffff == 0;
        None
    }

    fn stored(&mut self, left: usize, input: &mut &[u8], window: &mut SlidingWindow) -> Option<BlockStop> {
        let mut left = left;
        if left > 0 && !window.has_room() {
            return Some(BlockStop::Room);
        }
        while left > 0 && self.bits.len >= 8 {
            window.append(&[self.bits.hold as u8]);
            self.bits.skip(8);
            left -= 1;
        }
        let made = window.append(input.get(..left).unwrap_or(input));
        *input = input.get(made..).unwrap_or_default();
        left -= made;
        self.at = At::Stored(left);
        if left > 0 {
            return Some(if input.is_empty() { BlockStop::Input } else { BlockStop::Room });
        }
        self.end_block();
        None
    }

    fn numbers(&mut self, input: &mut &[u8]) -> Option<BlockStop> {
        let Some(numbers) = self.bits.take(14, input) else { return Some(BlockStop::Input) };
        self.litlens = (numbers & 31) as usize + 257;
        self.dists = (numbers >> 5 & 31) as usize + 1;
        self.lens_codes = (numbers >> 10) as usize + 4;
        if self.litlens > 286 || self.dists > 30 {
            return Some(BlockStop::Damaged);
        }
        (self.at, self.have) = (At::LensCode, 0);
        None
    }

    fn lens_code(&mut self, input: &mut &[u8], tables: &mut Tables) -> Option<BlockStop> {
        if self.have == 0 {
            tables.lens = [0; 19];
        }
        for &symbol in ORDER.get(self.have..self.lens_codes).unwrap_or_default() {
            let Some(len) = self.bits.take(3, input) else { return Some(BlockStop::Input) };
            if let Some(to) = tables.lens.get_mut(usize::from(symbol)) {
                *to = len as u8;
            }
            self.have += 1;
        }
        let (mut symbols, mut used) = ([Coded::default(); 19], 0);
        for (symbol, &len) in (0..).zip(&tables.lens) {
            if len > 0
                && let Some(to) = symbols.get_mut(used)
            {
                *to = Coded::new(symbol, len);
                used += 1;
            }
        }
        if tables.lens_code.build(symbols.get(..used).unwrap_or_default(), 0, &LENS, true).is_err() {
            return Some(BlockStop::Damaged);
        }
        (self.at, self.have, self.used, self.before) = (At::Lens, 0, 0, 0);
        None
    }

    fn lens(&mut self, input: &mut &[u8], tables: &mut Tables) -> Option<BlockStop> {
        let Tables { codes, lens_code, symbols, .. } = tables;
        let all = self.litlens + self.dists;
        let (mut bits, mut have, mut used, mut before) = (self.bits, self.have, self.used, self.before);
        while have < all {
            if bits.len < 14 {
                bits.refill(input);
            }
            let entry = lens_code.first(bits.hold);
            let (symbol, len) = (entry >> 16, entry & 15);
            if symbol < 16 && len <= bits.len {
                bits.skip(len);
                before = symbol as u8;
                if let Some(to) = symbols.get_mut(used) {
                    *to = Coded::new(have as u16, before);
                }
                // Mostly it cannot be foretold whether there is a code.
                used += usize::from(before > 0);
                have += 1;
                continue;
            }
            let (first, extra) = match symbol {
                16 => (3, 2),
                17 => (3, 3),
                _ => (11, 7),
            };
            if bits.len < len + extra {
                (self.bits, self.have, self.used, self.before) = (bits, have, used, before);
                return Some(BlockStop::Input);
            }
            bits.skip(len);
            let count = first + (bits.hold as usize & ((1 << extra) - 1));
            bits.skip(extra);
            if have + count > all || (symbol == 16 && have == 0) {
                return Some(BlockStop::Damaged);
            }
            if symbol > 16 {
                before = 0;
            } else if before > 0 {
                for (to, symbol) in
                    symbols.get_mut(used..used + count).unwrap_or_default().iter_mut().zip(have..)
                {
                    *to = Coded::new(symbol as u16, before);
                }
                used += count;
            }
            have += count;
        }
        self.bits = bits;
        let symbols = symbols.get(..used).unwrap_or_default();
        let (litlens, dists) =
            symbols.split_at(symbols.partition_point(|one| usize::from(one.symbol()) < self.litlens));
        let ends = litlens.binary_search_by_key(&256, |one| one.symbol()).is_ok();
        if !ends
            || codes.litlens.build(litlens, 0, &LITLENS, false).is_err()
            || codes.dists.build(dists, self.litlens as u16, &DISTS, false).is_err()
        {
            return Some(BlockStop::Damaged);
        }
        self.at = At::Dynamic;
        None
    }

    /// Literals and matches, to the end of the block.
    fn symbols(&mut self, input: &mut &[u8], window: &mut SlidingWindow, codes: &Codes) -> Option<BlockStop> {
        loop {
            if !window.has_room() {
                return Some(BlockStop::Room);
            }
            if input.len() >= 8 {
                match self.symbols_fast(input, window, codes) {
                    BlockTurn::Again => {}
                    BlockTurn::End => break,
                    BlockTurn::Stop(stop) => return Some(stop),
                }
                if !window.has_room() {
                    return Some(BlockStop::Room);
                }
            }
            self.bits.refill(input);
            match self.symbol(window, codes) {
                BlockTurn::Again => {}
                BlockTurn::End => break,
                BlockTurn::Stop(stop) => return Some(stop),
            }
        }
        self.end_block();
        None
    }

    /// One literal or match, if all of its bits are there.
    #[inline]
    fn symbol(&mut self, window: &mut SlidingWindow, codes: &Codes) -> BlockTurn {
        let Bits { hold, len } = self.bits;
        let (mut entry, mut used) = (codes.litlens.first(hold), 0);
        if entry & (SPECIAL | SECOND) == SPECIAL | SECOND {
            (entry, used) = (codes.litlens.second(entry, hold >> LITLEN_BITS), LITLEN_BITS);
        }
        let code = used + (entry >> 8 & 15);
        if code > len {
            return BlockTurn::Stop(BlockStop::Input);
        }
        if entry & LITERAL != 0 {
            window.append(&[(entry >> 16) as u8]);
            self.bits.skip(code);
            return BlockTurn::Again;
        }
        if entry & SPECIAL != 0 {
            self.bits.skip(code);
            return if entry & END != 0 { BlockTurn::End } else { BlockTurn::Stop(BlockStop::Damaged) };
        }
        let all = used + (entry & 0xff);
        if all > len {
            return BlockTurn::Stop(BlockStop::Input);
        }
        let match_len = value(entry, hold >> used);
        let (hold, len) = (hold >> all, len - all);
        let (mut entry, mut used) = (codes.dists.first(hold), 0);
        if entry & (SPECIAL | SECOND) == SPECIAL | SECOND {
            (entry, used) = (codes.dists.second(entry, hold >> DIST_BITS), DIST_BITS);
        }
        if used + (entry >> 8 & 15) > len {
            return BlockTurn::Stop(BlockStop::Input);
        }
        if entry & SPECIAL != 0 {
            return BlockTurn::Stop(BlockStop::Damaged);
        }
        let dist_bits = used + (entry & 0xff);
        if dist_bits > len {
            return BlockTurn::Stop(BlockStop::Input);
        }
        let distance = value(entry, hold >> used);
        if distance > window.end {
            return BlockTurn::Stop(BlockStop::TooFar);
        }
        self.bits.skip(all + dist_bits);
        self.farthest = self.farthest.max(distance);
        copy_match(&mut window.bytes, window.end, distance, match_len);
        window.end += match_len;
        BlockTurn::Again
    }

    /// Literals and matches while there is much room and input: what remains is for [`Self::symbol`].
    fn symbols_fast(&mut self, input: &mut &[u8], window: &mut SlidingWindow, codes: &Codes) -> BlockTurn {
        let data = *input;
        let bytes = window.bytes.as_mut_slice();
        let (last, mut to) = (bytes.len().wrapping_sub(ROOM), window.end);
        let (mut hold, mut len, mut at) = (self.bits.hold, self.bits.len as u8, 0usize);
        let mut farthest = self.farthest;
        /// To 56 bits or more. Of the next byte more bits may be in `hold`; they will be put there again.
        macro_rules! refill {
            ($otherwise:expr) => {{
                let Some(word) = data.get(at..).and_then(|data| data.first_chunk::<8>()) else { $otherwise };
                hold |= u64::from_le_bytes(*word).wrapping_shl(u32::from(len));
                at = at.wrapping_add(usize::from((63 - (len & 63)) >> 3));
                len |= 56;
            }};
        }
        macro_rules! skip {
            ($entry:expr) => {{
                hold = hold.wrapping_shr($entry);
                len = len.wrapping_sub($entry as u8);
            }};
        }
        macro_rules! literal {
            ($entry:expr) => {{
                if let Some(slot) = bytes.get_mut(to) {
                    *slot = ($entry >> 16) as u8;
                }
                to = to.wrapping_add(1);
            }};
        }
        let mut entry;
        let turn = 'turns: {
            refill!(break 'turns BlockTurn::Again);
            entry = codes.litlens.first(hold);
            // Here, `entry` is the next one, and at least 56 bits are there.
            loop {
                if to > last {
                    break BlockTurn::Again;
                }
                // Three literals at most take 30 bits, a length 20.
                if entry & LITERAL != 0 {
                    skip!(entry);
                    literal!(entry);
                    entry = codes.litlens.first(hold);
                    if entry & LITERAL != 0 {
                        skip!(entry);
                        literal!(entry);
                        entry = codes.litlens.first(hold);
                        if entry & LITERAL != 0 {
                            skip!(entry);
                            literal!(entry);
                            entry = codes.litlens.first(hold);
                            refill!(break BlockTurn::Again);
                            continue;
                        }
                    }
                }
                let before = (hold, len);
                if entry & SPECIAL != 0 {
                    if entry & SECOND != 0 {
                        skip!(LITLEN_BITS);
                        entry = codes.litlens.second(entry, hold);
                        if entry & LITERAL != 0 {
                            skip!(entry);
                            literal!(entry);
                            entry = codes.litlens.first(hold);
                            refill!(break BlockTurn::Again);
                            continue;
                        }
                    }
                    if entry & SPECIAL != 0 {
                        skip!(entry);
                        break if entry & END != 0 {
                            BlockTurn::End
                        } else {
                            BlockTurn::Stop(BlockStop::Damaged)
                        };
                    }
                }
                let match_len = value(entry, hold);
                skip!(entry);
                // A distance takes 28 bits at most, the next code 10.
                if len < 38 {
                    refill!({
                        (hold, len) = before;
                        break BlockTurn::Again;
                    });
                }
                let mut distance = codes.dists.first(hold);
                if distance & SPECIAL != 0 {
                    if distance & SECOND != 0 {
                        skip!(DIST_BITS);
                        distance = codes.dists.second(distance, hold);
                    }
                    if distance & SPECIAL != 0 {
                        break BlockTurn::Stop(BlockStop::Damaged);
                    }
                }
                let bits = distance;
                let distance = value(bits, hold);
                skip!(bits);
                if distance > to {
                    break BlockTurn::Stop(BlockStop::TooFar);
                }
                entry = codes.litlens.first(hold);
                farthest = farthest.max(distance);
                copy_match(bytes, to, distance, match_len);
                to = to.wrapping_add(match_len);
                refill!(break BlockTurn::Again);
            }
        };
        (self.bits, self.farthest) =
            (Bits { hold: hold & ((1 << (len & 63)) - 1), len: u32::from(len & 63) }, farthest);
        window.end = to;
        *input = data.get(at..).unwrap_or_default();
        turn
    }
}

/// How decoding a symbol went.
enum BlockTurn {
    /// Another may follow.
    Again,
    /// The block is over.
    End,
    Stop(BlockStop),
}

/// The length or distance of an entry: its base and its extra bits, which follow its code in `bits`.
#[inline]
fn value(entry: u32, bits: u64) -> usize {
    let extra = bits & !u64::MAX.wrapping_shl(entry);
    (entry >> 16) as usize + (extra.wrapping_shr(entry >> 8 & 15)) as usize
}
