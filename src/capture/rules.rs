//! The rules of capture files.

crate::rules! {
    TRUNCATED = "capture-truncated" Warning "draft-ietf-opsawg-pcap §5",
        "The file ends inside a record or block; everything before it was analyzed.",
        "The capturing program was stopped hard, the disk was full, or the file was copied while it was still being written. Let the capturing program end by itself, or copy the file again.";
    ARCHIVE_BOMB = "archive-bomb" Warning "-",
        "A compressed capture decompresses to an implausible size; reading stopped there, and everything before it was analyzed.",
        "Somebody may want to fill memory, a disk or time. If the file is what you expect, read it with a larger --max-unpacked.";
    BAD_MAGIC = "capture-bad-magic" Error "draft-ietf-opsawg-pcap §4",
        "The file is not pcap or pcapng, nor one compressed with gzip, zstd or lz4; nothing was read.",
        "Check the file name. To convert another capture format, run: editcap -F pcapng IN OUT.";
    BAD_RECORD_LENGTH = "capture-bad-record-length" Error "draft-ietf-opsawg-pcap §5",
        "A record claims more bytes than the file, the snap length or the limit of 16 MiB allows; reading stops there.",
        "The file was damaged, often by a transfer in text mode or by two programs writing to it. Copy it again in binary mode.";
    BAD_BLOCK = "capture-bad-block" Error "draft-ietf-opsawg-pcapng §3.1",
        "A pcapng block is inconsistent: its length is below 12, not a multiple of 4, beyond the end of the file or different from its trailer, or its fields do not fit.",
        "The file was damaged or written by a faulty program. Reading goes on at the next block that is whole; packets between are lost.";
    UNKNOWN_BLOCK = "capture-unknown-block" Info "draft-ietf-opsawg-pcapng §3.1",
        "A block of unknown type was skipped.",
        "It holds something that only the program that wrote it knows. Packets are not affected.";
    UNKNOWN_INTERFACE = "capture-unknown-interface" Warning "draft-ietf-opsawg-pcapng §4.3",
        "A packet refers to an interface without an Interface Description Block; it was skipped and counted.",
        "The file was cut at its start, joined without its section headers, or written by a faulty program. Join files with mergecap.";
    TIME_BACKWARDS = "capture-time-backwards" Info "-",
        "Timestamps go backward; wslens orders streams by sequence number, never by time.",
        "Usual with several interfaces or processor cores, or when the clock was set. reordercap sorts a file by time.";
    KERNEL_DROPS = "capture-kernel-drops" Warning "pcap_stats(3)",
        "Live capture: the kernel or the interface dropped packets.",
        "More packets came than were taken. Filter by port (-f), give the kernel a larger buffer (--buffer), or keep the machine less busy.";
    QUEUE_DROPS = "capture-queue-drops" Warning "-",
        "Live capture: packets were discarded from the spool before they were analyzed.",
        "The analysis was slower than the link for longer than the spool lasts. Filter by port (-f), or give it more room (--max-disk).";
    PACKET_EMPTY = "packet-empty" Info "-",
        "A record contains no captured bytes.",
        "Some capture programs write them for events that are no packets. There is nothing in it to analyse.";
}
