//! The rules of capture files.

use crate::model::{both, peer};

crate::rules! {
    TRUNCATED = "capture-truncated" Warning "draft-ietf-opsawg-pcap §5" {
        summary: "The file ends inside a record or block; everything before it was analyzed.",
            "文件在一条记录或一个块的中间结束；之前的内容都已分析。";
        causes: both(
            "The capture program was killed, the disk was full, or the file was copied while it was still being written.",
            "抓包程序被强行终止、磁盘写满，或文件还在写入时就被复制。",
        );
        remedy: both(
            "Stop the capture program with Ctrl-C, not with kill -9, or copy the file again.",
            "让抓包程序正常结束（用 Ctrl-C，不要 kill -9），或重新复制文件。",
        );
        peer: peer::UNSEEN;
    }

    ARCHIVE_BOMB = "archive-bomb" Warning "-" {
        summary: "A compressed capture decompresses to an implausible size; reading stopped there, and everything before it was analyzed.",
            "压缩的抓包文件解压后的大小不合理；读取在该处停止，之前的内容都已分析。";
        causes: both("The file may be a decompression bomb.", "文件可能是解压炸弹。");
        remedy: both("If you trust the file, raise --max-unpacked.", "如果信任这个文件，请调大 --max-unpacked。");
        peer: peer::UNSEEN;
    }

    BAD_MAGIC = "capture-bad-magic" Error "draft-ietf-opsawg-pcap §4" {
        summary: "The file is not pcap or pcapng, nor one compressed with gzip, zstd or lz4; nothing was read.",
            "文件不是 pcap 或 pcapng，也不是它们的 gzip、zstd 或 lz4 压缩包；什么也没有读。";
        causes: both("It is another kind of file, or a capture in another format.", "选错了文件，或者是另一种抓包格式。");
        remedy: both(
            "Check the file name. To convert another capture format, run: editcap -F pcapng IN OUT.",
            "确认文件没有选错。其他抓包格式可以转换：editcap -F pcapng IN OUT。",
        );
        peer: peer::UNSEEN;
    }

    BAD_RECORD_LENGTH = "capture-bad-record-length" Error "draft-ietf-opsawg-pcap §5" {
        summary: "A record claims more bytes than the file, the snap length or the limit of 16 MiB allows; reading stops there.",
            "一条记录声称的字节数超过了文件、截断长度或 16 MiB 的上限；读取到此为止。";
        causes: both(
            "The file was damaged, often by a transfer in text mode or by two programs writing to it.",
            "文件已损坏，常见于以文本模式传输，或两个程序同时写入。",
        );
        remedy: both("Copy it again in binary mode.", "以二进制模式重新复制文件。");
        peer: peer::UNSEEN;
    }

    BAD_BLOCK = "capture-bad-block" Error "draft-ietf-opsawg-pcapng §3.1" {
        summary: "A pcapng block is inconsistent: its length is below 12, not a multiple of 4, beyond the end of the file or different from its trailer, or its fields do not fit.",
            "一个 pcapng 块自相矛盾：长度小于 12、不是 4 的倍数、超出文件末尾、与块尾的长度不一致，或字段放不下。";
        causes: both("The file was damaged or written by a faulty program.", "文件已损坏，或由有缺陷的程序写成。");
        remedy: both(
            "Copy the file or capture again. wslens continues at the next intact block; the packets in between are lost.",
            "请重新复制文件或重新抓包。wslens 从下一个完好的块继续，中间的数据包丢失。",
        );
        peer: peer::UNSEEN;
    }

    UNKNOWN_BLOCK = "capture-unknown-block" Info "draft-ietf-opsawg-pcapng §3.1" {
        summary: "A block of unknown type was skipped.",
            "跳过了一个类型未知的块。";
        causes: both("Only the program that wrote the block knows its contents.", "块里的内容只有写它的程序才认识。");
        remedy: both("Nothing; packets are not affected.", "不用处理：数据包不受影响。");
        peer: peer::UNSEEN;
    }

    UNKNOWN_INTERFACE = "capture-unknown-interface" Warning "draft-ietf-opsawg-pcapng §4.3" {
        summary: "A packet refers to an interface without an Interface Description Block; it was skipped and counted.",
            "一个数据包引用了没有 Interface Description Block 描述过的接口；它被跳过并计数。";
        causes: both(
            "The start of the file is missing, files were joined without their section headers, or the program that wrote it is faulty.",
            "文件开头被截掉、拼接时漏了节头，或由有缺陷的程序写成。",
        );
        remedy: both("Join files with mergecap instead of cat.", "合并文件请用 mergecap，不要用 cat。");
        peer: peer::UNSEEN;
    }

    TIME_BACKWARDS = "capture-time-backwards" Info "-" {
        summary: "Timestamps go backward; wslens orders streams by sequence number, never by time.",
            "时间戳倒退；流的顺序由序列号决定，与时间无关。";
        causes: both(
            "This is common with several interfaces or CPU cores, or after the clock was set.",
            "多个接口或多个处理器核心同时抓包，或时钟被调整时很常见。",
        );
        remedy: both(
            "Do not rely on time differences near this packet. reordercap sorts a file by time.",
            "附近的时间差要谨慎看待。reordercap 可以按时间给文件排序。",
        );
        peer: peer::UNSEEN;
    }

    KERNEL_DROPS = "capture-kernel-drops" Warning "pcap_stats(3)" {
        summary: "Live capture: the kernel or the interface dropped packets.",
            "实时抓包：内核或网卡丢了数据包。";
        causes: both("Packets arrived faster than wslens read them.", "数据包来得比取走的快。");
        remedy: both(
            "Filter by port (-f), raise the size of the kernel's buffer (--buffer), or reduce the load on the machine.",
            "按端口过滤（-f），加大内核缓冲区（--buffer），或减轻机器的负载。",
        );
        peer: peer::UNSEEN;
    }

    QUEUE_DROPS = "capture-queue-drops" Warning "-" {
        summary: "Live capture: packets were discarded from the spool before they were analyzed.",
            "实时抓包：数据包在分析之前就从暂存区中丢弃了。";
        causes: both("Packets arrived faster than wslens analyzed them.", "数据包来得比分析的快。");
        remedy: both(
            "Filter by port (-f), raise --max-disk, or save to a file and read it afterward.",
            "按端口过滤（-f），加大暂存空间，或先写成文件、之后再读。",
        );
        peer: peer::UNSEEN;
    }

    PACKET_EMPTY = "packet-empty" Info "-" {
        summary: "A record contains no captured bytes.",
            "一条没有抓到任何字节的记录。";
        causes: both(
            "Some capture programs write such records for events that are not packets.",
            "有些抓包程序用它记录并非数据包的事件。",
        );
        remedy: both("Nothing; the record has no data to analyze.", "不用处理：里面没有可分析的内容。");
        peer: peer::UNSEEN;
    }
}
