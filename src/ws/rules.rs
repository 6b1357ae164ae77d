//! The rules of frames, messages and the closing handshake (RFC 6455, RFC 7692).

use crate::model::{both, peer};

crate::rules! {
    RESERVED_BIT_SET = "reserved-bit-set" Error "RFC 6455 §5.2" {
        summary: "An RSV bit is set, but no extension that defines it was negotiated.",
            "RSV 位被置位，但没有协商定义它的扩展。";
        causes: both(
            "The sender compresses although permessage-deflate was not negotiated, or the frame boundaries are wrong.",
            "发送方没有协商 permessage-deflate 却用了压缩，或帧的边界有误。",
        );
        remedy: both(
            "Check Sec-WebSocket-Extensions in the handshake; a proxy may have removed it.",
            "检查握手中的 Sec-WebSocket-Extensions；可能被代理删除了。",
        );
        peer: peer::FAILS;
        example: Server "c1 05 48 65 6c 6c 6f";
    }

    RSV1_ON_CONTROL_FRAME = "rsv1-on-control-frame" Error "RFC 7692 §6.1" {
        summary: "RSV1 is set on a control frame; permessage-deflate applies only to data messages.",
            "控制帧上置了 RSV1；permessage-deflate 只适用于数据消息。";
        causes: both("The sender's compression layer sets the bit on every frame.", "发送方的压缩层给每个帧都置了这一位。");
        remedy: both(
            "Set RSV1 only on the first frame of a compressed data message.",
            "只在压缩过的数据消息的第一个帧上置 RSV1。",
        );
        peer: peer::FAILS;
        example: ServerDeflate "c9 02 68 69";
    }

    RSV1_ON_CONTINUATION = "rsv1-on-continuation" Error "RFC 7692 §6.1" {
        summary: "RSV1 is set on a continuation frame.",
            "延续帧上置了 RSV1。";
        causes: both("The sender sets RSV1 on every fragment.", "发送方把每个分片都标成压缩。");
        remedy: both("Set RSV1 only on the first fragment.", "清除这一位：只有第一个分片带 RSV1。");
        peer: both("Many receivers close with 1002.", "许多接收方以 1002 关闭。");
        example: ServerDeflate "41 03 f2 48 cd c0 04 c9 c9 07 00";
    }

    RESERVED_OPCODE = "reserved-opcode" Error "RFC 6455 §5.2" {
        summary: "The opcode is reserved (3-7 or 11-15).",
            "操作码是保留值（3-7 或 11-15）。";
        causes: both(
            "The frame boundaries were lost earlier, the bytes are not WebSocket, or the peers use a private protocol.",
            "之前已丢失帧的边界、字节不是 WebSocket，或双方使用私有协议。",
        );
        remedy: both(
            "Use opcode 1 or 2 for data; no extension defines these opcodes.",
            "没有扩展定义过这些操作码：数据请用 1 或 2。",
        );
        peer: peer::FAILS;
        example: Server "83 05 48 65 6c 6c 6f";
    }

    FRAGMENTED_CONTROL_FRAME = "fragmented-control-frame" Error "RFC 6455 §5.5" {
        summary: "A control frame has FIN=0; control frames must not be fragmented.",
            "控制帧的 FIN 为 0；控制帧不得分片。";
        causes: both("The sender fragments all frames, including control frames.", "发送方把所有帧都分片，连控制帧也不例外。");
        remedy: both("Send each control frame in one piece, with FIN=1.", "控制帧不要分片，FIN 为 1。");
        peer: peer::FAILS;
        example: Server "09 02 68 69";
    }

    CONTROL_FRAME_TOO_LONG = "control-frame-too-long" Error "RFC 6455 §5.5" {
        summary: "The payload of a control frame is longer than 125 bytes.",
            "控制帧的载荷超过 125 字节。";
        causes: both("The close reason is too long, or a ping carries data.", "关闭原因太长，或把数据塞进了 ping。");
        remedy: both(
            "Shorten the payload to 125 bytes (123 for a close reason).",
            "缩短到 125 字节以内（关闭原因为 123 字节）。",
        );
        peer: peer::FAILS;
    }

    UNEXPECTED_CONTINUATION = "unexpected-continuation" Error "RFC 6455 §5.4" {
        summary: "A continuation frame arrived, but no fragmented message is open.",
            "收到延续帧，但没有未完成的分片消息。";
        causes: both(
            "The sender started a message with opcode 0, or had already ended it.",
            "发送方用操作码 0 开始消息，或消息此前已经结束。",
        );
        remedy: both(
            "Start a message with opcode 1 or 2, continue with opcode 0, and end with FIN=1.",
            "消息以操作码 1 或 2 开头，用 0 延续，以 FIN=1 结束。",
        );
        peer: peer::FAILS;
        example: Server "80 02 68 69";
    }

    INTERLEAVED_DATA_FRAME = "interleaved-data-frame" Error "RFC 6455 §5.4" {
        summary: "A new data frame arrived while a fragmented message is open.",
            "分片消息尚未结束，又收到新的数据帧。";
        causes: both("Two writers share a connection without a lock.", "两个写入方共用一个连接而没有加锁。");
        remedy: both(
            "Let one writer send at a time; only control frames may come between fragments.",
            "同一时间只让一方写：分片之间只能插入控制帧。",
        );
        peer: peer::FAILS;
        example: Server "01 02 48 65 81 02 68 69";
    }

    NON_MINIMAL_LENGTH = "non-minimal-length" Error "RFC 6455 §5.2" {
        summary: "The payload length is not in its shortest form.",
            "载荷长度没有用最短的形式。";
        causes: both("The sender's encoder chooses the wrong length form.", "发送方的编码器选错了长度形式。");
        remedy: both(
            "Use 7 bits up to 125, 16 bits up to 65535, 64 bits beyond.",
            "125 以内用 7 位，65535 以内用 16 位，更大才用 64 位。",
        );
        peer: both(
            "Strict receivers fail the connection (1002); others accept the frame.",
            "严格的接收方使连接失败（1002）；其他的仍会接受。",
        );
        example: Server "81 7e 00 05 48 65 6c 6c 6f";
    }

    LENGTH_MSB_SET = "length-msb-set" Error "RFC 6455 §5.2" {
        summary: "The 64-bit payload length has its top bit set; wslens allocates no memory for it.",
            "64 位长度的最高位为 1；没有为它分配任何内存。";
        causes: both(
            "The sender wrote a negative number, or the frame boundaries were lost earlier.",
            "把负数写成了长度，或之前已丢失帧的边界。",
        );
        remedy: both(
            "Check the preceding frames; the following bytes cannot be decoded as frames.",
            "请检查前面的帧；之后的字节无法按帧解析。",
        );
        peer: peer::FAILS;
        example: Server "82 7f 80 00 00 00 00 00 00 01";
    }

    NOT_A_FRAME = "not-a-frame" Error "RFC 6455 §5.2" {
        summary: "The bytes at the expected start of a frame are not a frame.",
            "在应为帧开头的位置，字节不是帧。";
        causes: both(
            "A proxy or an error handler writes HTTP to a connection that is already a WebSocket, a program prints text \
             into it, or the server sends its frames in HTTP chunks.",
            "代理或错误处理程序往已经是 WebSocket 的连接里写了 HTTP，程序把文本打印到了连接里，或服务器把帧放在 HTTP 分块里发送。",
        );
        remedy: both(
            "Find the program that writes these bytes; the text in the finding often names it. After the 101, send only frames.",
            "找出写入这些字节的程序；发现中的文本往往已指明。101 之后只能发送帧。",
        );
        peer: both(
            "Receivers fail the connection (1002): browsers say \"Invalid frame header\" or that reserved bits must be clear.",
            "接收方使连接失败（1002）：浏览器会报“Invalid frame header”或保留位必须为零。",
        );
    }

    WRONG_LENGTH_ENCODING = "wrong-length-encoding" Error "RFC 6455 §5.2" {
        summary: "The payload length of a frame is plausible only in another encoding.",
            "帧的载荷长度只有按另一种编码解读才合理。";
        causes: both(
            "The sender writes an extended length in little-endian order, or a length above 125 into the 7-bit field.",
            "发送方把扩展长度的低位字节写在前面，或把大于 125 的长度写进了 7 位里。",
        );
        remedy: both(
            "Write lengths up to 125 into the 7 bits, up to 65535 as 126 and 2 bytes, and others as 127 and 8 bytes, \
             in network byte order.",
            "不超过 125 的长度写在 7 位里，不超过 65535 的写成 126 加两个字节，其余写成 127 加八个字节，均为网络字节序。",
        );
        peer: both(
            "Receivers wait for bytes that never arrive, or read payload bytes as frames and fail the connection.",
            "接收方会一直等待不会到来的字节，或把载荷当成帧而使连接失败。",
        );
    }

    UNMASKED_CLIENT_FRAME = "unmasked-client-frame" Error "RFC 6455 §5.1" {
        summary: "A frame from the client is not masked.",
            "客户端的帧没有掩码。";
        causes: both(
            "The client is hand-written, or a tunnel omits masking on purpose.",
            "手写的客户端，或某些隧道故意省略掩码。",
        );
        remedy: both(
            "Mask every frame from client to server with a new random key.",
            "客户端发出的每个帧都加掩码，并且每帧换一个随机密钥。",
        );
        peer: both(
            "The server must close the connection and may send close code 1002.",
            "服务器必须关闭连接，可以发送关闭码 1002。",
        );
        example: Client "81 05 48 65 6c 6c 6f";
    }

    MASKED_SERVER_FRAME = "masked-server-frame" Error "RFC 6455 §5.1" {
        summary: "A frame from the server is masked.",
            "服务器的帧带有掩码。";
        causes: both("The server sends with client code.", "服务器用了客户端的代码来发送。");
        remedy: both("Do not mask frames from server to client.", "发给客户端的帧不要加掩码。");
        peer: both(
            "The client must close the connection and may send close code 1002.",
            "客户端必须关闭连接，可以发送关闭码 1002。",
        );
        example: Server "81 85 37 fa 21 3d 7f 9f 4d 51 58";
    }

    WEAK_MASKING_KEY = "weak-masking-key" Warning "RFC 6455 §10.3" {
        summary: "The masking key is zero, or the same in many frames of the connection.",
            "掩码密钥为零，或在一个连接的许多帧里都相同。";
        causes: both("The client uses a constant key, which is common in test tools.", "客户端使用固定的密钥，常见于测试工具。");
        remedy: both("Take each key from a strong source of random numbers.", "每个密钥都取自可靠的随机源。");
        peer: both(
            "Receivers accept it. A script can, however, choose the bytes on the wire and mislead a careless proxy.",
            "接收方会接受。但脚本可以借此选择线路上的字节，误导不严谨的代理。",
        );
        example: Client "81 85 00 00 00 00 48 65 6c 6c 6f";
    }

    INCOMPLETE_FRAME = "incomplete-frame" Warning "-" {
        summary: "The stream ended inside a frame.",
            "流在一个帧的中间结束。";
        causes: both(
            "The sender crashed, the connection was interrupted, or the capture ended here.",
            "发送方崩溃、连接被切断，或抓包到此为止。",
        );
        remedy: both("Check how TCP ended: with FIN, with RST, or not at all.", "看 TCP 如何结束：FIN、RST，还是根本没有结束。");
        peer: peer::SEES_1006;
    }

    INCOMPLETE_MESSAGE = "incomplete-message" Warning "RFC 6455 §5.4" {
        summary: "The stream ended inside a fragmented message.",
            "流在一个分片消息的中间结束。";
        causes: both("The last fragment (FIN=1) did not arrive.", "最后一个分片（FIN=1）始终没有来。");
        remedy: both(
            "Check how the connection ended, and whether the sender sets FIN.",
            "看连接如何结束，以及发送方是否忘了 FIN。",
        );
        peer: both("The receiving application does not get this message.", "接收方的应用永远看不到这条消息。");
    }

    DESYNCHRONISED = "desynchronised" Error "-" {
        summary: "The frame boundaries are lost after a gap or invalid bytes; skipped bytes are counted and shown raw.",
            "在缺口或无效字节之后丢失了帧的边界；跳过的字节会计数并原样显示。";
        causes: both("The capture lost packets, or the bytes are not WebSocket.", "抓包丢了数据包，或字节不是 WebSocket。");
        remedy: both(
            "Capture again without loss; check the drop counters of the capture program.",
            "请重新抓包并避免丢包；检查抓包程序的丢包计数。",
        );
        peer: peer::UNSEEN;
    }

    INVALID_UTF8 = "invalid-utf8" Error "RFC 6455 §8.1" {
        summary: "A text message is not valid UTF-8; the finding gives the offset of the first invalid byte.",
            "文本消息不是 UTF-8；会给出第一个错误字节的偏移。";
        causes: both("Binary data was sent as text, or another encoding was used.", "把二进制数据当文本发送，或用了别的编码。");
        remedy: both("Send the data as a binary message, or encode it as UTF-8.", "改为发送二进制消息，或编码成 UTF-8。");
        peer: both(
            "The receiver must fail the connection with Close 1007 (Invalid frame payload data).",
            "接收方必须以 Close 1007（Invalid frame payload data）让连接失败。",
        );
        example: Server "81 03 48 ff 69";
    }

    INFLATE_ERROR = "inflate-error" Error "RFC 7692 §7.2.2" {
        summary: "A compressed message cannot be decompressed; wslens keeps the raw bytes.",
            "压缩的消息无法解压；保留原始字节。";
        causes: both(
            "The sender's compressor does not follow the negotiated parameters, or bytes are damaged.",
            "发送方的 deflate 状态与协商的不符，或字节损坏。",
        );
        remedy: both(
            "Compare the parameters in the handshake with those of both libraries.",
            "把握手里的参数与两端库的设置对照。",
        );
        peer: both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        );
        example: ServerDeflate "c1 04 ff ff ff ff";
    }

    UNKNOWN_EXTENSION = "unknown-extension" Warning "RFC 6455 §9.1" {
        summary: "A negotiated extension that wslens does not know uses RSV bits.",
            "一个已协商的扩展使用了 RSV 位，而 wslens 不认识这个扩展。";
        causes: both("The extension is private, or newer than this version of wslens.", "私有扩展，或比本程序更新的扩展。");
        remedy: both("Disable the extension while you capture.", "抓包时关闭这个扩展，就能读出消息。");
        peer: both("A peer that negotiated the extension decodes the message.", "协商了该扩展的对端会解码这条消息。");
    }

    DEFLATE_WINDOW_EXCEEDED = "deflate-window-exceeded" Error "RFC 7692 §7.1.2" {
        summary: "A compressed message refers farther back than the negotiated window allows.",
            "压缩的消息引用的距离超出了协商的窗口。";
        causes: both(
            "The sender's compressor uses its default window size instead of the negotiated one.",
            "发送方的压缩器用了默认窗口，而不是协商的窗口。",
        );
        remedy: both(
            "Pass the negotiated window bits to the compressor, or do not accept max_window_bits.",
            "把协商的窗口位数传给压缩器，或不要同意 max_window_bits。",
        );
        peer: both(
            "A receiver with the negotiated window fails the connection, usually with 1007 or 1002.",
            "按协商分配窗口的接收方让连接失败，通常用 1007 或 1002。",
        );
    }

    DEFLATE_TAIL_KEPT = "deflate-tail-kept" Error "RFC 7692 §7.2.1" {
        summary: "A compressed message still ends with 00 00 ff ff.",
            "压缩的消息末尾仍带着 00 00 ff ff。";
        causes: both(
            "The sender flushes the compressor and sends all of its output.",
            "发送方刷新（flush）压缩器后，把全部输出都发了出去。",
        );
        remedy: both("Remove the last four bytes after Z_SYNC_FLUSH.", "Z_SYNC_FLUSH 之后去掉最后四个字节。");
        peer: both("Many receivers decode this message and fail at the next one.", "许多接收方能读这条消息，却在下一条失败。");
        example: ServerDeflate "c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff";
    }

    DEFLATE_WRAPPED = "deflate-wrapped" Error "RFC 7692 §7.2.1" {
        summary: "A compressed message begins with a zlib or gzip header.",
            "压缩的消息以 zlib 或 gzip 首部开始。";
        causes: both(
            "The sender uses the zlib or gzip format of its library instead of raw deflate.",
            "发送方用了库里的 zlib 或 gzip 格式，而不是裸 deflate。",
        );
        remedy: both(
            "Use raw deflate: negative window bits in zlib, `deflateRaw` in Node.js, `nowrap` in Java.",
            "改用裸 deflate：zlib 里用负的窗口位数，Node.js 里用 `deflateRaw`，Java 里用 `nowrap`。",
        );
        peer: both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        );
    }

    DEFLATE_FINAL_BLOCK = "deflate-final-block" Error "RFC 7692 §7.2.3.4" {
        summary: "A compressed message ends with a final block (BFINAL) without the byte 00 that must follow.",
            "压缩的消息以最后一块（BFINAL）结束，却缺少其后的字节 00。";
        causes: both(
            "The sender finishes the compressor (Z_FINISH) instead of flushing it.",
            "发送方结束了压缩器（Z_FINISH），而不是刷新它。",
        );
        remedy: both(
            "Use Z_SYNC_FLUSH and remove the last four bytes, or append 00 after Z_FINISH.",
            "改用 Z_SYNC_FLUSH 并去掉最后四个字节，或在 Z_FINISH 之后补一个 00。",
        );
        peer: both(
            "Some receivers decode it; others fail at this message or the next.",
            "有的接收方能读，有的在这一条或下一条失败。",
        );
        example: ServerDeflate "c1 07 f3 48 cd c9 c9 07 00";
    }

    DEFLATE_EMPTY = "deflate-empty" Error "RFC 7692 §7.2.3.6" {
        summary: "RSV1 is set on a message with an empty payload.",
            "载荷为空的消息上置了 RSV1。";
        causes: both("The sender sets RSV1 without checking the payload.", "发送方没有看载荷就置了 RSV1。");
        remedy: both("Send the byte 00, or send the empty message without RSV1.", "发送字节 00，或发送不带 RSV1 的空消息。");
        peer: both("Many receivers fail at this message or the next.", "许多接收方在这一条或下一条失败。");
        example: ServerDeflate "c1 00";
    }

    DEFLATE_PER_FRAGMENT = "deflate-per-fragment" Error "RFC 7692 §7.2.1" {
        summary: "Each fragment of a message is compressed separately, as if it were a message.",
            "消息的每个分片都被当作一条消息单独压缩。";
        causes: both(
            "The sender's compression layer works on frames instead of messages.",
            "发送方的压缩层按帧工作，而不是按消息。",
        );
        remedy: both("Compress the complete message first, then split it into fragments.", "先压缩整条消息，再切成分片。");
        peer: both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        );
    }

    DEFLATE_NOT_COMPRESSED = "deflate-not-compressed" Error "RFC 7692 §6" {
        summary: "RSV1 is set on a text message that is not compressed.",
            "未压缩的文本消息上置了 RSV1。";
        causes: both(
            "The sender skips compression for some messages and forgets to clear RSV1.",
            "发送方对某些消息跳过压缩，却忘了清除 RSV1。",
        );
        remedy: both("Clear RSV1 on messages that are not compressed.", "在未压缩的消息上清除 RSV1。");
        peer: both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        );
        example: ServerDeflate "c1 07 7b 22 61 22 3a 31 7d";
    }

    DEFLATE_WINDOW_KEPT = "deflate-window-kept" Error "RFC 7692 §7.1.1" {
        summary: "A compressed message refers to an earlier one although no_context_takeover was negotiated.",
            "已协商 no_context_takeover，压缩的消息却引用了更早的消息。";
        causes: both("The sender does not reset its compressor after each message.", "发送方没有在每条消息之后重置压缩器。");
        remedy: both(
            "Reset the compressor after each message, or do not accept no_context_takeover.",
            "每条消息之后重置压缩器，或不要同意 no_context_takeover。",
        );
        peer: both(
            "A receiver that resets its window fails the connection, usually with 1007 or 1002.",
            "清空窗口的接收方让连接失败，通常用 1007 或 1002。",
        );
    }

    DEFLATE_WINDOW_FED = "deflate-window-fed" Error "RFC 7692 §7.2.1" {
        summary: "A compressed message refers to data that was sent uncompressed.",
            "压缩的消息引用了未压缩发送的文本。";
        causes: both(
            "The sender passes every message through its compressor but sends some, often short ones, uncompressed.",
            "发送方让每条消息都经过压缩器，却把其中一些（往往是短消息）原样发送。",
        );
        remedy: both(
            "Do not pass a message to the compressor if you send it without RSV1.",
            "不置 RSV1 发送的消息不要交给压缩器。",
        );
        peer: both(
            "The receiver decodes wrong data or an invalid distance, and fails the connection, usually with 1007 or 1002.",
            "接收方得到过远的距离或别的文本，于是让连接失败，通常用 1007 或 1002。",
        );
    }

    INFLATE_LIMIT = "inflate-limit" Warning "-" {
        summary: "The decompressed size or ratio reached its limit: the output is truncated, and the analysis continues.",
            "解压后的大小或倍率达到上限：输出被截断，分析继续。";
        causes: both("The message is very large, or it is a decompression bomb.", "消息非常大，或是解压炸弹。");
        remedy: both(
            "If you trust the message, raise the limit with the option that the finding names.",
            "如果信任它，用发现里给出的选项调大上限。",
        );
        peer: both("A careful receiver has its own limit and closes with 1009.", "谨慎的接收方自己也有上限，会以 1009 关闭。");
    }

    MESSAGE_LIMIT = "message-limit" Warning "-" {
        summary: "The message is longer than --keep: its hash and length are exact, but only its first bytes are kept.",
            "消息长度超过 --keep：散列和长度准确，但只保留前面的字节。";
        causes: both("The message is large, which is not an error.", "只是消息很大，本身没有问题。");
        remedy: both("Raise --keep to see the complete message.", "调大 --keep 可查看完整的消息。");
        peer: peer::UNSEEN;
    }

    CONTROL_CHARACTERS = "control-characters" Info "ECMA-48" {
        summary: "A text message contains C0 or C1 control characters (shown escaped).",
            "文本里有 C0/C1 控制字符（转义显示）。";
        causes: both(
            "Terminal output was sent as text, a subprotocol uses them as separators, or the text attacks terminals.",
            "把终端输出当文本发送、子协议用作分隔符，或文本意在攻击终端。",
        );
        remedy: both(
            "Do not print such text raw; terminals execute control sequences.",
            "不要原样打印这样的文本：终端会照着执行。",
        );
        peer: peer::IGNORES;
        example: Server "81 03 1b 5b 4a";
    }

    BIDI_CONTROL = "bidi-control" Warning "UAX #9; CVE-2021-42574" {
        summary: "A text message contains bidirectional overrides or isolates (shown escaped).",
            "文本里有双向控制字符（转义显示）。";
        causes: both(
            "The text is in a right-to-left language, or it is made to look different from its contents.",
            "从右到左书写的语言，或故意让文本看上去与实际不同。",
        );
        remedy: both("Read the escaped form before you trust the text.", "先看转义后的形式，再决定是否相信它。");
        peer: peer::IGNORES;
        example: Server "81 05 61 e2 80 ae 62";
    }

    UNSOLICITED_PONG = "unsolicited-pong" Info "RFC 6455 §5.5.3" {
        summary: "A pong does not answer any ping.",
            "没有对应 ping 的 pong。";
        causes: both("Some libraries send them as a one-way heartbeat.", "单向心跳；有些客户端库会这样做。");
        remedy: both("Nothing; unsolicited pongs are allowed.", "不用处理：这是允许的。");
        peer: both("No answer is expected.", "不需要回答。");
        example: Server "8a 00";
    }

    PING_UNANSWERED = "ping-unanswered" Info "RFC 6455 §5.5.2" {
        summary: "No pong with the same payload arrived before the pong to a later ping, or before the close.",
            "在后一个 ping 的 pong 或关闭之前，没有载荷相同的 pong。";
        causes: both(
            "The peer answered only a later ping, which is allowed, or was no longer there.",
            "对端跳过了它（后一个 ping 已回答时允许），或已经不在。",
        );
        remedy: both(
            "If no ping is answered, check whether the peer's event loop is blocked.",
            "如果都没有回答，检查对端的事件循环是否被阻塞。",
        );
        peer: both("The sender of the ping may time out and close TCP.", "发 ping 的一方可能放弃并关闭 TCP。");
    }

    PONG_LATE = "pong-late" Warning "RFC 6455 §5.5.3" {
        summary: "A pong arrived late: after more than 5 s, or after more than 1 s and three times the usual time.",
            "pong 来了，但是晚了：超过 5 秒，或超过 1 秒且超过平常时间的三倍。";
        causes: both(
            "The sender of the pong was busy, or the pong waited behind data in its send queue.",
            "发送方忙，或 pong 在发送队列里排在数据后面。",
        );
        remedy: both(
            "Send less data at a time, or raise the pong timeout of the peer that sends the pings.",
            "减少一次发送的数据，或调大 ping 发送方等待 pong 的超时。",
        );
        peer: both(
            "The sender of the ping may time out first; the application then sees 1006 or 1011.",
            "发 ping 的一方可能在它到来之前就放弃，以 1006 或 1011 结束。",
        );
    }

    PING_FLOOD = "ping-flood" Warning "-" {
        summary: "One side sent more than 100 pings within one second.",
            "一方在一秒内发了超过 100 个 ping。";
        causes: both("A heartbeat timer is faulty, or the pings are an attack.", "心跳定时器失控，或有人攻击。");
        remedy: both(
            "Send a ping every 20 to 60 seconds, which is enough for most proxies.",
            "对多数代理来说，每 20 到 60 秒一个 ping 就够了。",
        );
        peer: both(
            "The receiver must answer each ping; a careful one closes with 1008.",
            "每个 ping 都要回答；谨慎的接收方会以 1008 关闭。",
        );
    }

    FRAGMENT_FLOOD = "fragment-flood" Warning "-" {
        summary: "A message has more than 10 000 fragments, or one second has 10 000 data frames with payloads below 16 bytes.",
            "一条消息分成超过 10 000 个分片，或一秒内有 10 000 个载荷小于 16 字节的数据帧。";
        causes: both("The sender writes byte by byte, or this is an attack.", "发送方一个字节一个字节地写，或是攻击。");
        remedy: both(
            "Buffer data before you send it, and limit fragments at the receiver.",
            "发送前先缓冲；接收方限制分片数量。",
        );
        peer: both(
            "Each fragment costs the receiver memory and time; this is a known way to exhaust servers.",
            "每个分片都要耗费接收方的内存和时间：这是耗尽服务器资源的已知手法。",
        );
    }

    CLOSE_PAYLOAD_1_BYTE = "close-payload-1-byte" Error "RFC 6455 §5.5.1" {
        summary: "The payload of a Close frame has 1 byte; it must be empty or begin with a 2-byte close code.",
            "Close 帧的载荷只有 1 个字节；它应为空，或以 2 字节的关闭码开头。";
        causes: both("The sender wrote the close code as one byte.", "关闭码被写成了一个字节。");
        remedy: both("Leave the payload empty, or begin it with a 2-byte close code.", "载荷留空，或以 2 字节的关闭码开头。");
        peer: peer::FAILS;
        example: Server "88 01 03";
    }

    INVALID_CLOSE_CODE = "invalid-close-code" Error "RFC 6455 §7.4" {
        summary: "The close code must not be sent (0-999, 1004-1006, 1015, 1016-2999, >= 5000).",
            "不允许发送的关闭码（0-999、1004-1006、1015、1016-2999、>= 5000）。";
        causes: both(
            "A library sends a code that it got from an API; 1005, 1006 and 1015 exist only in APIs.",
            "库把 API 报告的码原样发出：1005、1006、1015 只用于 API。",
        );
        remedy: both(
            "Send 1000 or 1001, or 4000-4999 for your own reasons.",
            "发送 1000 或 1001；自定义的原因用 4000-4999。",
        );
        peer: peer::FAILS;
        example: Server "88 02 03 ee";
    }

    INVALID_CLOSE_REASON = "invalid-close-reason" Error "RFC 6455 §5.5.1" {
        summary: "The close reason is not valid UTF-8.",
            "关闭原因不是 UTF-8。";
        causes: both(
            "Often the reason was truncated at 123 bytes, in the middle of a character.",
            "常见于把原因在 123 字节处切断，正好切在一个字符中间。",
        );
        remedy: both("Truncate the reason at a character boundary.", "在字符边界处截断。");
        peer: both(
            "The receiver may fail the connection with 1007; the connection closes in either case.",
            "接收方可以用 1007 使连接失败；无论如何连接都会关闭。",
        );
        example: Server "88 03 03 e8 ff";
    }

    CLOSE_CODE_MISMATCH = "close-code-mismatch" Info "RFC 6455 §5.5.1" {
        summary: "The Close frame in reply carries a different close code.",
            "回应的 Close 帧带了不同的关闭码。";
        causes: both(
            "Both sides closed at the same time, or the replying library chooses its own code.",
            "两端同时关闭，或回应方的库自选关闭码。",
        );
        remedy: both(
            "Nothing; a peer typically echoes the close code but need not.",
            "不用处理；对端通常回送收到的关闭码，但并非必须。",
        );
        peer: peer::IGNORES;
    }

    CLOSE_UNANSWERED = "close-unanswered" Info "RFC 6455 §7.1.2" {
        summary: "The connection ended without a Close frame in reply.",
            "发出 Close 帧后，没有收到回应的 Close 帧，连接就结束了。";
        causes: both("The peer dropped the connection instead of replying.", "对端没有回应，直接断开了连接。");
        remedy: both("Make the peer reply with a Close frame before it closes TCP.", "让对端先回应 Close 帧，再关闭 TCP。");
        peer: both(
            "The side without a reply may report an unclean close (wasClean is false).",
            "没有等到回答的一方可能报告关闭不干净（wasClean 为 false）。",
        );
    }

    CLOSED_WITHOUT_CLOSE = "closed-without-close" Info "RFC 6455 §7.1.5 (1006)" {
        summary: "The connection ended without a Close frame.",
            "连接结束时没有任何 Close 帧。";
        causes: both(
            "A peer crashed or closed its socket without a Close frame, or a proxy's idle timeout expired.",
            "对端崩溃，或不发 Close 帧就关闭了套接字，或代理的空闲超时到期。",
        );
        remedy: both(
            "Send a Close frame before closing TCP, and send pings more often than the proxy's timeout.",
            "先发 Close；ping 的间隔要短于代理的超时。",
        );
        peer: peer::SEES_1006;
    }

    DATA_AFTER_CLOSE = "data-after-close" Error "RFC 6455 §5.5.1" {
        summary: "A side sent a data frame after its own Close frame.",
            "同一方发出 Close 之后又发了数据帧。";
        causes: both("Another thread continues to write.", "另一个线程还在写。");
        remedy: both("Stop sending after the Close frame.", "发出 Close 之后就不要再发。");
        peer: both("Receivers ignore it, so this data is lost.", "接收方会忽略它，数据就丢了。");
        example: Server "88 02 03 e8 81 02 68 69";
    }

    CONTROL_AFTER_CLOSE = "control-after-close" Warning "RFC 6455 §1.4, §7.1.1" {
        summary: "A side sent a control frame, possibly a second Close, after its own Close frame.",
            "同一方发出 Close 之后又发了控制帧（包括第二个 Close）。";
        causes: both(
            "The sender does not check its closing state before it sends a pong or a second Close.",
            "发送方在发送 pong 或第二个 Close 之前没有检查关闭状态。",
        );
        remedy: both("Send nothing after a Close frame.", "Close 之后什么也不要发。");
        peer: both("Receivers ignore it; it is harmless.", "没有害处：接收方会忽略它。");
        example: Server "88 02 03 e8 8a 00";
    }
}
