//! Files that are no captures of a format that is read here: what they are, and how to make one of them.

/// Makes a pcapng file of what Wireshark can read.
const CONVERT: &str = "editcap -F pcapng FILE new.pcapng";

/// First bytes, what the file is, and the command that makes something readable of `FILE`.
const KNOWN: [(&[u8], &str, Option<&str>); 20] = [
    (b"snoop\0", "is a snoop capture", Some(CONVERT)),
    (b"GMBU", "is a Network Monitor capture", Some(CONVERT)),
    (b"RTSS", "is a Network Monitor capture", Some(CONVERT)),
    (b"XCP\0", "is a NetXRay capture", Some(CONVERT)),
    (b"TRSNIFF data    \x1a", "is a Sniffer capture", Some(CONVERT)),
    (b"\x7fver", "is an OmniPeek capture", Some(CONVERT)),
    (b"ObserverPktBufferVersion=", "is an Observer capture", Some(CONVERT)),
    (b"iptrace ", "is an iptrace capture", Some(CONVERT)),
    (b"\x05VNF", "is a Visual Networks capture", Some(CONVERT)),
    (b"\xaa\xaa\xaa\xaa", "is a 5View capture", Some(CONVERT)),
    (b"\x54\x52\x00\x64\x00", "is a nettl trace", Some(CONVERT)),
    (b"PK\x03\x04", "is a zip archive", Some("unzip -p FILE | wslens -")),
    (b"\xfd7zXZ\0", "is xz data, which cannot be unpacked here", Some("xz -dc FILE | wslens -")),
    (b"BZh", "is bzip2 data, which cannot be unpacked here", Some("bzip2 -dc FILE | wslens -")),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", Some("7z x -so FILE | wslens -")),
    (b"Rar!\x1a\x07", "is a RAR archive", Some("unrar p -inul FILE | wslens -")),
    (b"\x1f\x9d", "is data of compress, which cannot be unpacked here", Some("gzip -dc FILE | wslens -")),
    (b"LZIP", "is lzip data, which cannot be unpacked here", Some("lzip -dc FILE | wslens -")),
    (b"btsnoop\0", "is a Bluetooth log", None),
    (b"\x7fELF", "is a program", None),
];

/// What a file is that begins with `bytes`, as the end of a sentence, and the command that helps.
pub(super) fn describe(name: &str, bytes: &[u8]) -> (String, Option<&'static str>) {
    if let Some((_, what, way)) = KNOWN.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return ((*what).to_owned(), *way);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return ("is a tar archive".to_owned(), Some("tar -xOf FILE | wslens -"));
    }
    if name.to_ascii_lowercase().ends_with(".etl") {
        return ("has the name of a Windows event trace".to_owned(), Some("etl2pcapng FILE new.pcapng"));
    }
    if is_erf(bytes) {
        return ("is an ERF capture".to_owned(), Some(CONVERT));
    }
    let line = bytes.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    let text = std::str::from_utf8(line.get(..24).unwrap_or(line)).unwrap_or_default();
    if text.len() >= 2 && !text.contains(char::is_control) {
        (format!("starts with \"{text}\""), None)
    } else {
        let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
        (format!("starts with the bytes {}", hex.join(" ")), None)
    }
}

/// Whether records of Endace's format follow each other: nothing else marks such a file.
fn is_erf(bytes: &[u8]) -> bool {
    const RECORDS: usize = 3;
    const LAST_TYPE: u8 = 48;
    // Whole seconds of a time stamp, and the length of the record.
    let record = |bytes: &[u8]| {
        let header = bytes.first_chunk::<16>()?;
        let seconds = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let len = usize::from(u16::from_be_bytes([header[10], header[11]]));
        ((1..=LAST_TYPE).contains(&(header[8] & 0x7f)) && len >= 16).then_some((seconds, len))
    };
    let (mut rest, mut before) = (bytes, None);
    for _ in 0..RECORDS {
        let Some((seconds, len)) = record(rest) else { return false };
        if seconds == 0 || before.is_some_and(|before: u32| before.abs_diff(seconds) > 86_400) {
            return false;
        }
        before = Some(seconds);
        match rest.get(len..) {
            Some([]) => return true,
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_format_comes_with_a_way_out() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (name, bytes, program) in [
            ("x", &b"snoop\0\0\0\0\0\0\x02"[..], "editcap"),
            ("x", b"TRSNIFF data    \x1a\0\0", "editcap"),
            ("x", b"\xfd7zXZ\0\0\x04", "xz -dc"),
            ("x", b"BZh91AY", "bzip2 -dc"),
            ("x", b"7z\xbc\xaf\x27\x1c\0\x04", "7z x -so"),
            ("x", b"PK\x03\x04..", "unzip -p"),
            ("x", &tar, "tar -xOf"),
            ("Trace.ETL", b"\0\0\x01\0\0\0\x01\0", "etl2pcapng"),
        ] {
            let (what, way) = describe(name, bytes);
            assert!(way.is_some_and(|way| way.starts_with(program)), "{what}: {way:?}");
        }
        assert_eq!(describe("x", b"hello world").1, None);
    }

    #[test]
    fn erf_is_recognized_by_records_that_follow_each_other() {
        let record = |seconds: u32, len: usize| {
            let mut record = vec![0; len];
            record[4..8].copy_from_slice(&seconds.to_le_bytes());
            record[8] = 2;
            record[10..12].copy_from_slice(&(len as u16).to_be_bytes());
            record
        };
        let file =
            [record(1_700_000_000, 88), record(1_700_000_001, 120), record(1_700_000_002, 64)].concat();
        assert_eq!(describe("x", &file), ("is an ERF capture".to_owned(), Some(CONVERT)));
        let other = [record(1_700_000_000, 88), record(9, 120), record(1_700_000_002, 64)].concat();
        assert_ne!(describe("x", &other).1, Some(CONVERT));
    }
}
