//! What a capture says about itself besides its packets.

use std::net::IpAddr;

/// Comments, interfaces, names and secrets are kept up to these numbers for each input; the rest is
/// read over.
const MAX_COMMENTS: usize = 1000;
const MAX_INTERFACES: usize = 10_000;
const MAX_SECTIONS: usize = 1000;
const MAX_NAMES: usize = 10_000;
const MAX_SECRETS_LEN: usize = 16 << 20;
/// Bytes of all texts that are kept for each input.
const MAX_TEXTS: usize = 8 << 20;
/// Longest text kept of one option, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// What a section header says (draft-ietf-opsawg-pcapng section 4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The input that it stands in, from 0.
    pub source: usize,
    /// The machine that wrote it.
    pub hardware: Option<String>,
    /// The operating system that wrote it.
    pub system: Option<String>,
    /// The program that wrote it.
    pub application: Option<String>,
    /// Its comments.
    pub comments: Vec<String>,
}

/// A comment on a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The input that it stands in, from 0.
    pub source: usize,
    /// The packet's number.
    pub packet: u64,
    /// What it says.
    pub text: String,
}

/// An interface that packets were captured on (draft-ietf-opsawg-pcapng section 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The input that it stands in, from 0.
    pub source: usize,
    /// Its number in its section, from 0.
    pub id: u32,
    /// Its link type, as numbered by tcpdump.org's list.
    pub link: u16,
    /// The most bytes captured of a packet; 0 for no limit.
    pub snaplen: u32,
    /// Its name: `eth0`.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Its comments.
    pub comments: Vec<String>,
}

/// What an address was called when the capture was made (draft-ietf-opsawg-pcapng section 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The input that it stands in, from 0.
    pub source: usize,
    /// The address.
    pub address: IpAddr,
    /// Its names; the first is the best.
    pub names: Vec<String>,
}

/// Keys that came with the capture (draft-ietf-opsawg-pcapng section 4.7).
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The input that they stand in, from 0.
    pub source: usize,
    /// What they are: `0x544c534b` is a TLS key log.
    pub kind: u32,
    /// Their bytes, without padding.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Secrets {
    /// Everything but the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Secrets {{ source: {}, kind: {:#010x}, {} bytes }}",
            self.source,
            self.kind,
            self.data.len()
        )
    }
}

/// What a capture says about itself besides its packets, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Section headers, in order.
    pub sections: Vec<Section>,
    /// Comments on packets, in order.
    pub comments: Vec<Comment>,
    /// Interfaces, in order.
    pub interfaces: Vec<Interface>,
    /// Names of addresses, in order.
    pub names: Vec<Name>,
    /// Secrets, in order.
    pub secrets: Vec<Secrets>,
}

impl Notes {
    /// Takes what `other` holds to the end of this; comments' packet numbers grow by `offset`.
    pub(super) fn take(&mut self, other: &mut Self, offset: u64) {
        for comment in &mut other.comments {
            comment.packet = comment.packet.wrapping_add(offset);
        }
        self.sections.append(&mut other.sections);
        self.comments.append(&mut other.comments);
        self.interfaces.append(&mut other.interfaces);
        self.names.append(&mut other.names);
        self.secrets.append(&mut other.secrets);
    }

    fn is_empty(&self) -> bool {
        self.sections.is_empty()
            && self.comments.is_empty()
            && self.interfaces.is_empty()
            && self.names.is_empty()
            && self.secrets.is_empty()
    }
}

/// Collects the notes of one input, within bounds.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    source: usize,
    /// What was noted since the last time it was taken.
    pub(super) fresh: Notes,
    sections: usize,
    comments: usize,
    interfaces: usize,
    names: usize,
    secrets_len: usize,
    /// Bytes of texts.
    texts: usize,
}

impl Notebook {
    pub(super) fn new(source: usize) -> Self {
        Self { source, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Whether so many more bytes of text are kept.
    fn keeps(&mut self, len: usize) -> bool {
        /// What a text costs beside its bytes.
        const EACH: usize = 32;
        let texts = self.texts.saturating_add(len).saturating_add(EACH);
        let keeps = texts <= MAX_TEXTS;
        if keeps {
            self.texts = texts;
        }
        keeps
    }

    /// Leaves out the texts that are not kept.
    fn trim(&mut self, texts: &mut [&mut Option<String>], comments: &mut Vec<String>) {
        for text in texts {
            **text = text.take().filter(|text| self.keeps(text.len()));
        }
        comments.retain(|comment| self.keeps(comment.len()));
        comments.shrink_to_fit();
    }

    pub(super) fn section(&mut self, mut section: Section) {
        self.sections += 1;
        if self.sections <= MAX_SECTIONS {
            let Section { hardware, system, application, comments, .. } = &mut section;
            self.trim(&mut [hardware, system, application], comments);
            self.fresh.sections.push(Section { source: self.source, ..section });
        }
    }

    /// Whether another comment would be kept.
    #[inline]
    pub(super) fn wants_comments(&self) -> bool {
        self.comments < MAX_COMMENTS && self.texts < MAX_TEXTS
    }

    pub(super) fn comment(&mut self, packet: u64, text: &[u8]) {
        if self.wants_comments() {
            self.comments += 1;
            let text = read_text(text);
            if self.keeps(text.len()) {
                self.fresh.comments.push(Comment { source: self.source, packet, text });
            }
        }
    }

    pub(super) fn interface(&mut self, mut interface: Interface) {
        self.interfaces += 1;
        if self.interfaces <= MAX_INTERFACES {
            let Interface { name, description, comments, .. } = &mut interface;
            self.trim(&mut [name, description], comments);
            self.fresh.interfaces.push(Interface { source: self.source, ..interface });
        }
    }

    pub(super) fn name(&mut self, address: IpAddr, names: &[u8]) {
        self.names += 1;
        if self.names <= MAX_NAMES {
            let all = names.split(|&b| b == 0).filter(|n| !n.is_empty()).take(16).map(read_text);
            let names: Vec<String> = all.filter(|name| self.keeps(name.len())).collect();
            if !names.is_empty() {
                self.fresh.names.push(Name { source: self.source, address, names });
            }
        }
    }

    pub(super) fn secrets(&mut self, kind: u32, data: &[u8]) {
        self.secrets_len = self.secrets_len.saturating_add(data.len()).saturating_add(64);
        if self.secrets_len <= MAX_SECRETS_LEN {
            self.fresh.secrets.push(Secrets { source: self.source, kind, data: data.to_vec() });
        }
    }
}

/// The text of an option: UTF-8, anything else replaced; cut at 64 KiB, and at a zero byte.
pub(super) fn read_text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes.get(..MAX_TEXT).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_kinds_share_one_bound_and_interfaces_stay_without_them() {
        let mut book = Notebook::new(0);
        let text = || "x".repeat(MAX_TEXT);
        for id in 0..200 {
            let comments = (0..200).map(|_| text()).collect();
            book.interface(Interface { id, name: Some(text()), comments, ..Interface::default() });
            book.name(IpAddr::from([10, 0, 0, 1]), text().as_bytes());
            book.comment(u64::from(id), text().as_bytes());
            book.section(Section { system: Some(text()), ..Section::default() });
        }
        let notes = &book.fresh;
        let of_interface = |interface: &Interface| {
            interface.name.iter().chain(&interface.comments).map(String::len).sum::<usize>()
        };
        let bytes: usize = notes.interfaces.iter().map(of_interface).sum::<usize>()
            + notes.names.iter().flat_map(|name| &name.names).map(String::len).sum::<usize>()
            + notes.comments.iter().map(|comment| comment.text.len()).sum::<usize>()
            + notes
                .sections
                .iter()
                .filter_map(|section| section.system.as_ref())
                .map(String::len)
                .sum::<usize>();
        assert!((MAX_TEXTS / 2..=MAX_TEXTS).contains(&bytes), "{bytes}");
        assert_eq!((notes.interfaces.len(), notes.sections.len()), (200, 200));
    }
}
