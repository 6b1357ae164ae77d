//! Field blocks (RFC 7541), each field with its place in the block.
//!
//! A capture may begin in the middle of a connection, or lack a block: then the dynamic table holds entries that
//! nobody here knows. What is inserted later is known, since indices count from the newest entry on. A field that
//! refers to another one is given as unknown, never guessed.

use crate::model::to_u32;
use std::collections::VecDeque;
use std::ops::Range;

use super::{huffman, table};

/// What the table holds unless a setting says otherwise (RFC 9113 section 6.5.2).
pub const DEFAULT_TABLE_SIZE: u32 = 4096;
/// What an entry counts beside its bytes (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;
/// Bytes of a table that are kept, whatever was agreed on: entries beyond are unknown. Browsers agree on 64 KiB.
const KEPT: usize = 256 << 10;

/// A size that is not known: larger than any.
const UNKNOWN: usize = usize::MAX >> 1;

/// How a field was written (RFC 7541 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    /// All of it by index (6.1).
    Indexed,
    /// Literally, and into the dynamic table (6.2.1).
    Incremental,
    /// Literally (6.2.2).
    Plain,
    /// Literally, and no intermediary may index it (6.2.3).
    NeverIndexed,
}

/// A field of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HpackField {
    /// Its name; `None` where it stands in an entry that is not known.
    pub name: Option<Box<[u8]>>,
    /// Its value; `None` where it stands in an entry that is not known.
    pub value: Option<Box<[u8]>>,
    /// How it was written.
    pub form: FieldForm,
    /// The table's index that it refers to; 0 where its name is literal.
    pub index: u32,
    /// Its bytes in the block.
    pub at: Range<u32>,
    /// The bytes of a literal value in the block, its length included; empty for an indexed one.
    pub value_at: Range<u32>,
}

impl HpackField {
    /// Whether it is a field of that name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name.as_bytes())
    }
}

/// How much of a block's fields is kept.
#[derive(Clone, Copy, Debug)]
pub struct ListLimits {
    /// Bytes of names and values.
    pub bytes: usize,
    /// Fields.
    pub fields: usize,
}

/// The fields of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// In the order sent.
    pub list: Vec<HpackField>,
    /// There are more than the limits allow.
    pub cut: bool,
    /// How many refer to entries that are not known.
    pub unknown: u32,
    /// Where the block cannot be read any further, and why. Fields before that are right.
    pub broken: Option<(u32, &'static str)>,
}

/// An entry of the dynamic table.
#[derive(Clone, Debug)]
struct TableEntry {
    /// `None` where it came from an entry that is not known.
    name: Option<Box<[u8]>>,
    value: Box<[u8]>,
}

impl TableEntry {
    /// What it counts; at least that, where its name is not known.
    fn size(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.len()) + self.value.len() + OVERHEAD
    }
}

/// Reads the blocks of one direction.
#[derive(Clone, Debug)]
pub struct Hpack {
    /// The newest first.
    entries: VecDeque<TableEntry>,
    size: usize,
    /// The table's size as the sender has set it.
    max: usize,
    /// What the receiver's settings allow at most.
    limit: usize,
    /// Whether the table holds nothing beside `entries`.
    complete: bool,
}

impl Default for Hpack {
    fn default() -> Self {
        let size = DEFAULT_TABLE_SIZE as usize;
        Self { entries: VecDeque::new(), size: 0, max: size, limit: size, complete: true }
    }
}

impl Hpack {
    /// Bytes went by that may have changed the table: nothing in it is known any more.
    pub fn lose(&mut self) {
        self.entries.clear();
        self.size = 0;
        self.complete = false;
        // Settings and changes of the size may have gone by too.
        (self.max, self.limit) = (UNKNOWN, UNKNOWN);
    }

    /// Whether all that is in the table is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The receiver allows a table of that size (SETTINGS_HEADER_TABLE_SIZE). A larger one stays allowed: when a
    /// sender learns of the change is not known.
    pub fn allow(&mut self, size: u32) {
        self.limit = self.limit.max(size as usize);
    }

    /// The size of the table, as RFC 7541 section 4.1 counts it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        /// What the allocator adds to both texts of an entry, about; the entry itself counts 32 bytes.
        const BESIDE: usize = 32;
        self.size + self.entries.len() * BESIDE
    }

    /// Reads a block: all the fragments of a header section together.
    pub fn decode(&mut self, block: &[u8], limits: &ListLimits) -> Fields {
        let mut input = HpackInput { block, at: 0 };
        let mut fields = Fields::default();
        let mut kept = 0usize;
        let mut begun = false;
        while let Some(first) = input.peek() {
            let from = input.at;
            match self.representation(first, &mut input, begun) {
                Ok(None) => {}
                Ok(Some(mut field)) => {
                    begun = true;
                    field.at = to_u32(from)..to_u32(input.at);
                    fields.unknown += u32::from(field.value.is_none() || field.name.is_none());
                    let len = |part: &Option<Box<[u8]>>| part.as_ref().map_or(0, |part| part.len());
                    kept = kept.saturating_add(len(&field.name) + len(&field.value));
                    if fields.list.len() < limits.fields && kept <= limits.bytes {
                        fields.list.push(field);
                    } else {
                        fields.cut = true;
                    }
                }
                Err(why) => {
                    fields.broken = Some((to_u32(from), why));
                    self.lose();
                    break;
                }
            }
        }
        fields
    }

    /// Reads what stands next; none where it is a change of the table's size.
    fn representation(
        &mut self,
        first: u8,
        input: &mut HpackInput<'_>,
        begun: bool,
    ) -> Result<Option<HpackField>, &'static str> {
        if first & 0x80 != 0 {
            let index = input.integer(7)?;
            let (name, value) = self.look_up(index)?;
            return Ok(Some(HpackField {
                name,
                value,
                form: FieldForm::Indexed,
                index,
                at: 0..0,
                value_at: 0..0,
            }));
        }
        if first & 0xe0 == 0x20 {
            let size = input.integer(5)?;
            if begun {
                return Err("the table's size changes behind a field");
            }
            return self.resize(size as usize).map(|()| None);
        }
        let (form, prefix) = match first {
            0x40.. => (FieldForm::Incremental, 6),
            0x10.. => (FieldForm::NeverIndexed, 4),
            _ => (FieldForm::Plain, 4),
        };
        let index = input.integer(prefix)?;
        let name = if index == 0 { Some(input.string()?) } else { self.look_up(index)?.0 };
        let from = input.at;
        let value = input.string()?;
        let value_at = to_u32(from)..to_u32(input.at);
        if form == FieldForm::Incremental {
            self.insert(TableEntry { name: name.clone(), value: value.clone() });
        }
        Ok(Some(HpackField { name, value: Some(value), form, index, at: 0..0, value_at }))
    }

    /// What an index stands for, as far as it is known.
    #[allow(clippy::type_complexity)] // A name and a value.
    fn look_up(&self, index: u32) -> Result<(Option<Box<[u8]>>, Option<Box<[u8]>>), &'static str> {
        let index = index as usize;
        if index == 0 {
            return Err("a field has index 0");
        }
        if let Some((name, value)) = table::entry(index) {
            return Ok((Some(name.as_bytes().into()), Some(value.as_bytes().into())));
        }
        match self.entries.get(index - table::LEN - 1) {
            Some(entry) => Ok((entry.name.clone(), Some(entry.value.clone()))),
            None if self.complete => Err("a field's index is beyond the table"),
            None => Ok((None, None)),
        }
    }

    fn resize(&mut self, size: usize) -> Result<(), &'static str> {
        if size > self.limit && self.complete {
            return Err("the table is to be larger than the receiver allows");
        }
        self.max = size;
        self.evict();
        Ok(())
    }

    fn insert(&mut self, entry: TableEntry) {
        self.size += entry.size();
        self.entries.push_front(entry);
        self.evict();
    }

    /// Takes out the oldest entries until the rest fits.
    fn evict(&mut self) {
        if self.size > self.max || self.max < OVERHEAD {
            // Whatever was older went before them.
            self.complete = true;
        }
        while self.size > self.max.min(KEPT) {
            let Some(entry) = self.entries.pop_back() else { break };
            self.size = self.size.saturating_sub(entry.size());
            if self.size + entry.size() <= self.max {
                self.complete = false; // The sender still has it.
            }
        }
    }
}

/// A block, and how far it was read.
struct HpackInput<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> HpackInput<'a> {
    fn peek(&self) -> Option<u8> {
        self.block.get(self.at).copied()
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        let byte = self.peek().ok_or("the block ends inside a number")?;
        self.at += 1;
        Ok(byte)
    }

    /// A number with a prefix of `bits` (RFC 7541 section 5.1).
    fn integer(&mut self, bits: u8) -> Result<u32, &'static str> {
        let mask = (1u8 << bits) - 1;
        let prefix = self.byte()? & mask;
        let mut value = u32::from(prefix);
        if prefix < mask {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is over 28 bits")
    }

    /// A string (RFC 7541 section 5.2).
    fn string(&mut self) -> Result<Box<[u8]>, &'static str> {
        let huffman = self.peek().ok_or("the block ends before a string")? & 0x80 != 0;
        let len = self.integer(7)? as usize;
        let bytes: &'a [u8] = self
            .at
            .checked_add(len)
            .and_then(|end| self.block.get(self.at..end))
            .ok_or("the block ends inside a string")?;
        self.at += len;
        if huffman { huffman::decode(bytes).map(Into::into) } else { Ok(bytes.into()) }
    }
}

#[cfg(test)]
#[path = "hpack_tests.rs"]
mod tests;
