//! Packets as a pcapng file (draft-ietf-opsawg-pcapng): a section, an interface for each link type, the packets.
//!
//! Times are in nanoseconds. Comments on the section and on packets go along; names of interfaces and addresses do not,
//! and secrets only where that was asked for.

use std::io::{self, Write};

use crate::model::{Bytes, LinkType, PacketRef};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;
/// `TLSK`: a TLS key log.
const KEY_LOG: u32 = 0x544c_534b;
const MAGIC: u32 = 0x1a2b_3c4d;
/// Option `if_tsresol`: ten to the power of minus nine seconds.
const RESOLUTION: [u8; 8] = [9, 0, 1, 0, 9, 0, 0, 0];

/// Writes packets.
#[derive(Debug)]
pub struct Pcapng<W> {
    out: W,
    links: Vec<LinkType>,
    block: Vec<u8>,
    /// Packets written, and those whose bytes are gone.
    pub written: u64,
    /// Packets whose bytes could not be had.
    pub lost: u64,
}

impl<W: Write> Pcapng<W> {
    /// A file to `out`: writes its section header.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_comments(out, &[])
    }

    /// The same with comments on the section.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn with_comments(out: W, comments: &[&str]) -> io::Result<Self> {
        let mut this = Self { out, links: Vec::new(), block: Vec::new(), written: 0, lost: 0 };
        // Version 1.0, length not known.
        let words = [MAGIC.to_le_bytes(), [1, 0, 0, 0], [0xff; 4], [0xff; 4]];
        this.block(SECTION, &[words.as_flattened(), &comment_options(comments)])?;
        Ok(this)
    }

    /// Writes a packet with the bytes that were captured of it, and comments on it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn packet(&mut self, packet: &PacketRef, bytes: &dyn Bytes, comments: &[&str]) -> io::Result<()> {
        match bytes.bytes(packet.bytes) {
            Some(data) => self.commented(packet, data, comments),
            None => {
                self.lost += 1;
                Ok(())
            }
        }
    }

    /// Writes a packet of which these bytes were captured.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn bytes(&mut self, packet: &PacketRef, data: &[u8]) -> io::Result<()> {
        self.commented(packet, data, &[])
    }

    /// The same with comments on the packet.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn commented(&mut self, packet: &PacketRef, data: &[u8], comments: &[&str]) -> io::Result<()> {
        let interface = match self.links.iter().position(|link| *link == packet.link) {
            Some(at) => at,
            None => {
                let [low, high] = packet.link.0.to_le_bytes();
                // No limit to the length of packets.
                let fields = [low, high, 0, 0, 0, 0, 0, 0];
                self.block(INTERFACE, &[&fields, &RESOLUTION, &[0; 4]])?;
                self.links.push(packet.link);
                self.links.len() - 1
            }
        };
        // Before 1970 there is no time.
        let time = packet.time.0.max(0).unsigned_abs();
        let len = data.len() as u32;
        let words = [interface as u32, (time >> 32) as u32, time as u32, len, packet.wire_len.max(len)];
        let fields = words.map(u32::to_le_bytes);
        let padding = [0; 3];
        let padding = padding.get(..data.len().wrapping_neg() % 4).unwrap_or_default();
        self.block(PACKET, &[fields.as_flattened(), data, padding, &comment_options(comments)])?;
        self.written += 1;
        Ok(())
    }

    /// Writes a TLS key log, as a Decryption Secrets Block: before the packets that it is for.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn secrets(&mut self, log: &[u8]) -> io::Result<()> {
        let words = [KEY_LOG, u32::try_from(log.len()).unwrap_or(u32::MAX)].map(u32::to_le_bytes);
        let padding = [0; 3];
        let padding = padding.get(..log.len().wrapping_neg() % 4).unwrap_or_default();
        let written = self.block(SECRETS, &[words.as_flattened(), log, padding]);
        // The next blocks are long enough, or not: nothing of it stays behind.
        self.block.fill(0);
        written
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.written, self.lost))
    }

    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let len = 12 + parts.iter().map(|part| part.len()).sum::<usize>();
        let total = (len as u32).to_le_bytes();
        self.block.clear();
        self.block.extend_from_slice(&kind.to_le_bytes());
        self.block.extend_from_slice(&total);
        for part in parts {
            self.block.extend_from_slice(part);
        }
        self.block.extend_from_slice(&total);
        self.out.write_all(&self.block)
    }
}

/// Options that hold comments (section 3.5), with the end of options where there are any.
fn comment_options(comments: &[&str]) -> Vec<u8> {
    const COMMENT: u16 = 1;
    const END: [u8; 4] = [0; 4];
    let mut options = Vec::new();
    for comment in comments {
        let most = comment.len().min(usize::from(u16::MAX));
        let end = (0..=most).rev().find(|end| comment.is_char_boundary(*end)).unwrap_or(0);
        let text = comment.get(..end).unwrap_or_default();
        options.extend_from_slice(&COMMENT.to_le_bytes());
        options.extend_from_slice(&(text.len() as u16).to_le_bytes());
        options.extend_from_slice(text.as_bytes());
        options.resize(options.len().next_multiple_of(4), 0);
    }
    if !options.is_empty() {
        options.extend_from_slice(&END);
    }
    options
}
