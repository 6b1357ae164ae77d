//! The rules of capture files.

crate::rules! {
    TRUNCATED = "capture-truncated" Warning "draft-ietf-opsawg-pcap §5",
        "The file ends inside a record or block; everything before it was analysed.",
        "The capturing program was stopped hard, the disk was full, or the file was copied while it was still being written. Let the capturing program end by itself, or copy the file again.";
    ARCHIVE_BOMB = "archive-bomb" Warning "-",
        "A packed capture unpacks to far more than captures do; reading stopped there, and everything before it was analysed.",
        "Somebody may want to fill memory, a disk or time. If the file is what you expect, read it with a larger --max-unpacked.";
    BAD_MAGIC = "capture-bad-magic" Error "draft-ietf-opsawg-pcap §4",
        "The file is no pcap, no pcapng and no gzip, zstd or lz4 of one; nothing was read.",
        "Check that this is the file you mean. Other capture formats can be converted: editcap -F pcapng IN OUT.";
    BAD_RECORD_LENGTH = "capture-bad-record-length" Error "draft-ietf-opsawg-pcap §5",
        "A record claims more bytes than the file, its snap length or 16 MiB can hold; reading stops there.",
        "The file was damaged, often by a transfer in text mode or by two programs writing to it. Copy it again in binary mode.";
    BAD_BLOCK = "capture-bad-block" Error "draft-ietf-opsawg-pcapng §3.1",
        "A pcapng block contradicts itself: its length is below 12, no multiple of 4, past the end or unlike its trailer, or its fields do not fit into it.",
        "The file was damaged or written by a faulty program. Reading goes on at the next block that is whole; packets between are lost.";
    UNKNOWN_BLOCK = "capture-unknown-block" Info "draft-ietf-opsawg-pcapng §3.1",
        "A block of unknown type was skipped.",
        "It holds something that only the program that wrote it knows. Packets are not affected.";
    UNKNOWN_INTERFACE = "capture-unknown-interface" Warning "draft-ietf-opsawg-pcapng §4.3",
        "A packet names an interface that no Interface Description Block has described; it was skipped and counted.",
        "The file was cut at its start, joined without its section headers, or written by a faulty program. Join files with mergecap.";
    TIME_BACKWARDS = "capture-time-backwards" Info "-",
        "Timestamps go backwards; stream order is by sequence number, never by time.",
        "Usual with several interfaces or processor cores, or when the clock was set. reordercap sorts a file by time.";
    KERNEL_DROPS = "capture-kernel-drops" Warning "pcap_stats(3)",
        "Live capture: the kernel or the interface dropped packets.",
        "More packets came than were taken. Filter by port (-f), give the kernel a larger buffer (--buffer), or keep the machine less busy.";
    QUEUE_DROPS = "capture-queue-drops" Warning "-",
        "Live capture: packets went out of the spool before they were analysed.",
        "The analysis was slower than the link for longer than the spool lasts. Filter by port (-f), or give it more room (--max-disk).";
    PACKET_EMPTY = "packet-empty" Info "-",
        "A record of zero captured bytes.",
        "Some capture programs write them for events that are no packets. There is nothing in it to analyse.";
}
