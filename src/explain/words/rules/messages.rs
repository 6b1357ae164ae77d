//! Findings about messages, ping, pong and close.

use super::{FAILS, IGNORES, RuleWords, SEES_1006, UNSEEN, both, row};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "invalid-utf8",
        both(
            "A text message is not valid UTF-8; the finding gives the offset of the first invalid byte.",
            "文本消息不是 UTF-8；会给出第一个错误字节的偏移。",
        ),
        both(
            "Binary data was sent as text, or another encoding was used.",
            "把二进制数据当文本发送，或用了别的编码。",
        ),
        both("Send the data as a binary message, or encode it as UTF-8.", "改为发送二进制消息，或编码成 UTF-8。"),
        both(
            "The receiver must fail the connection with Close 1007 (Invalid frame payload data).",
            "接收方必须以 Close 1007（Invalid frame payload data）让连接失败。",
        ),
    )
    .server("81 03 48 ff 69"),
    row(
        "inflate-error",
        both("A compressed message cannot be decompressed; wslens keeps the raw bytes.", "压缩的消息无法解压；保留原始字节。"),
        both(
            "The sender's compressor does not follow the negotiated parameters, or bytes are damaged.",
            "发送方的 deflate 状态与协商的不符，或字节损坏。",
        ),
        both(
            "Compare the parameters in the handshake with those of both libraries.",
            "把握手里的参数与两端库的设置对照。",
        ),
        both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    )
    .deflate("c1 04 ff ff ff ff"),
    row(
        "unknown-extension",
        both(
            "A negotiated extension that wslens does not know uses RSV bits.",
            "一个已协商的扩展使用了 RSV 位，而 wslens 不认识这个扩展。",
        ),
        both("The extension is private, or newer than this version of wslens.", "私有扩展，或比本程序更新的扩展。"),
        both(
            "Disable the extension while you capture.",
            "抓包时关闭这个扩展，就能读出消息。",
        ),
        both(
            "A peer that negotiated the extension decodes the message.",
            "协商了该扩展的对端会解码这条消息。",
        ),
    ),
    row(
        "deflate-window-exceeded",
        both(
            "A compressed message refers farther back than the negotiated window allows.",
            "压缩的消息引用的距离超出了协商的窗口。",
        ),
        both(
            "The sender's compressor uses its default window size instead of the negotiated one.",
            "发送方的压缩器用了默认窗口，而不是协商的窗口。",
        ),
        both(
            "Pass the negotiated window bits to the compressor, or do not accept max_window_bits.",
            "把协商的窗口位数传给压缩器，或不要同意 max_window_bits。",
        ),
        both(
            "A receiver with the negotiated window fails the connection, usually with 1007 or 1002.",
            "按协商分配窗口的接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-tail-kept",
        both("A compressed message still ends with 00 00 ff ff.", "压缩的消息末尾仍带着 00 00 ff ff。"),
        both(
            "The sender flushes the compressor and sends all of its output.",
            "发送方刷新（flush）压缩器后，把全部输出都发了出去。",
        ),
        both("Remove the last four bytes after Z_SYNC_FLUSH.", "Z_SYNC_FLUSH 之后去掉最后四个字节。"),
        both(
            "Many receivers decode this message and fail at the next one.",
            "许多接收方能读这条消息，却在下一条失败。",
        ),
    )
    .deflate("c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff"),
    row(
        "deflate-wrapped",
        both("A compressed message begins with a zlib or gzip header.", "压缩的消息以 zlib 或 gzip 首部开始。"),
        both(
            "The sender uses the zlib or gzip format of its library instead of raw deflate.",
            "发送方用了库里的 zlib 或 gzip 格式，而不是裸 deflate。",
        ),
        both(
            "Use raw deflate: negative window bits in zlib, `deflateRaw` in Node.js, `nowrap` in Java.",
            "改用裸 deflate：zlib 里用负的窗口位数，Node.js 里用 `deflateRaw`，Java 里用 `nowrap`。",
        ),
        both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-final-block",
        both(
            "A compressed message ends with a final block (BFINAL) without the byte 00 that must follow.",
            "压缩的消息以最后一块（BFINAL）结束，却缺少其后的字节 00。",
        ),
        both(
            "The sender finishes the compressor (Z_FINISH) instead of flushing it.",
            "发送方结束了压缩器（Z_FINISH），而不是刷新它。",
        ),
        both(
            "Use Z_SYNC_FLUSH and remove the last four bytes, or append 00 after Z_FINISH.",
            "改用 Z_SYNC_FLUSH 并去掉最后四个字节，或在 Z_FINISH 之后补一个 00。",
        ),
        both(
            "Some receivers decode it; others fail at this message or the next.",
            "有的接收方能读，有的在这一条或下一条失败。",
        ),
    )
    .deflate("c1 07 f3 48 cd c9 c9 07 00"),
    row(
        "deflate-empty",
        both("RSV1 is set on a message with an empty payload.", "载荷为空的消息上置了 RSV1。"),
        both("The sender sets RSV1 without checking the payload.", "发送方没有看载荷就置了 RSV1。"),
        both(
            "Send the byte 00, or send the empty message without RSV1.",
            "发送字节 00，或发送不带 RSV1 的空消息。",
        ),
        both("Many receivers fail at this message or the next.", "许多接收方在这一条或下一条失败。"),
    )
    .deflate("c1 00"),
    row(
        "deflate-per-fragment",
        both(
            "Each fragment of a message is compressed separately, as if it were a message.",
            "消息的每个分片都被当作一条消息单独压缩。",
        ),
        both(
            "The sender's compression layer works on frames instead of messages.",
            "发送方的压缩层按帧工作，而不是按消息。",
        ),
        both("Compress the complete message first, then split it into fragments.", "先压缩整条消息，再切成分片。"),
        both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-not-compressed",
        both("RSV1 is set on a text message that is not compressed.", "未压缩的文本消息上置了 RSV1。"),
        both(
            "The sender skips compression for some messages and forgets to clear RSV1.",
            "发送方对某些消息跳过压缩，却忘了清除 RSV1。",
        ),
        both("Clear RSV1 on messages that are not compressed.", "在未压缩的消息上清除 RSV1。"),
        both(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    )
    .deflate("c1 07 7b 22 61 22 3a 31 7d"),
    row(
        "deflate-window-kept",
        both(
            "A compressed message refers to an earlier one although no_context_takeover was negotiated.",
            "已协商 no_context_takeover，压缩的消息却引用了更早的消息。",
        ),
        both(
            "The sender does not reset its compressor after each message.",
            "发送方没有在每条消息之后重置压缩器。",
        ),
        both(
            "Reset the compressor after each message, or do not accept no_context_takeover.",
            "每条消息之后重置压缩器，或不要同意 no_context_takeover。",
        ),
        both(
            "A receiver that resets its window fails the connection, usually with 1007 or 1002.",
            "清空窗口的接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-window-fed",
        both(
            "A compressed message refers to data that was sent uncompressed.",
            "压缩的消息引用了未压缩发送的文本。",
        ),
        both(
            "The sender passes every message through its compressor but sends some, often short ones, uncompressed.",
            "发送方让每条消息都经过压缩器，却把其中一些（往往是短消息）原样发送。",
        ),
        both(
            "Do not pass a message to the compressor if you send it without RSV1.",
            "不置 RSV1 发送的消息不要交给压缩器。",
        ),
        both(
            "The receiver decodes wrong data or an invalid distance, and fails the connection, usually with 1007 or 1002.",
            "接收方得到过远的距离或别的文本，于是让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "inflate-limit",
        both(
            "The decompressed size or ratio reached its limit: the output is truncated, and the analysis continues.",
            "解压后的大小或倍率达到上限：输出被截断，分析继续。",
        ),
        both("The message is very large, or it is a decompression bomb.", "消息非常大，或是解压炸弹。"),
        both(
            "If you trust the message, raise the limit with the option that the finding names.",
            "如果信任它，用发现里给出的选项调大上限。",
        ),
        both(
            "A careful receiver has its own limit and closes with 1009.",
            "谨慎的接收方自己也有上限，会以 1009 关闭。",
        ),
    ),
    row(
        "message-limit",
        both(
            "The message is longer than --keep: its hash and length are exact, but only its first bytes are kept.",
            "消息长度超过 --keep：散列和长度准确，但只保留前面的字节。",
        ),
        both("The message is large, which is not an error.", "只是消息很大，本身没有问题。"),
        both("Raise --keep to see the complete message.", "调大 --keep 可查看完整的消息。"),
        UNSEEN,
    ),
    row(
        "control-characters",
        both("A text message contains C0 or C1 control characters (shown escaped).", "文本里有 C0/C1 控制字符（转义显示）。"),
        both(
            "Terminal output was sent as text, a subprotocol uses them as separators, or the text attacks terminals.",
            "把终端输出当文本发送、子协议用作分隔符，或文本意在攻击终端。",
        ),
        both("Do not print such text raw; terminals execute control sequences.", "不要原样打印这样的文本：终端会照着执行。"),
        IGNORES,
    )
    .server("81 03 1b 5b 4a"),
    row(
        "bidi-control",
        both(
            "A text message contains bidirectional overrides or isolates (shown escaped).",
            "文本里有双向控制字符（转义显示）。",
        ),
        both(
            "The text is in a right-to-left language, or it is made to look different from its contents.",
            "从右到左书写的语言，或故意让文本看上去与实际不同。",
        ),
        both("Read the escaped form before you trust the text.", "先看转义后的形式，再决定是否相信它。"),
        IGNORES,
    )
    .server("81 05 61 e2 80 ae 62"),
    row(
        "unsolicited-pong",
        both("A pong does not answer any ping.", "没有对应 ping 的 pong。"),
        both("Some libraries send them as a one-way heartbeat.", "单向心跳；有些客户端库会这样做。"),
        both("Nothing; unsolicited pongs are allowed.", "不用处理：这是允许的。"),
        both("No answer is expected.", "不需要回答。"),
    )
    .server("8a 00"),
    row(
        "ping-unanswered",
        both(
            "No pong with the same payload arrived before the pong to a later ping, or before the close.",
            "在后一个 ping 的 pong 或关闭之前，没有载荷相同的 pong。",
        ),
        both(
            "The peer answered only a later ping, which is allowed, or was no longer there.",
            "对端跳过了它（后一个 ping 已回答时允许），或已经不在。",
        ),
        both(
            "If no ping is answered, check whether the peer's event loop is blocked.",
            "如果都没有回答，检查对端的事件循环是否被阻塞。",
        ),
        both("The sender of the ping may time out and close TCP.", "发 ping 的一方可能放弃并关闭 TCP。"),
    ),
    row(
        "pong-late",
        both(
            "A pong arrived late: after more than 5 s, or after more than 1 s and three times the usual time.",
            "pong 来了，但是晚了：超过 5 秒，或超过 1 秒且超过平常时间的三倍。",
        ),
        both(
            "The sender of the pong was busy, or the pong waited behind data in its send queue.",
            "发送方忙，或 pong 在发送队列里排在数据后面。",
        ),
        both(
            "Send less data at a time, or raise the pong timeout of the peer that sends the pings.",
            "减少一次发送的数据，或调大 ping 发送方等待 pong 的超时。",
        ),
        both(
            "The sender of the ping may time out first; the application then sees 1006 or 1011.",
            "发 ping 的一方可能在它到来之前就放弃，以 1006 或 1011 结束。",
        ),
    ),
    row(
        "ping-flood",
        both("One side sent more than 100 pings within one second.", "一方在一秒内发了超过 100 个 ping。"),
        both("A heartbeat timer is faulty, or the pings are an attack.", "心跳定时器失控，或有人攻击。"),
        both(
            "Send a ping every 20 to 60 seconds, which is enough for most proxies.",
            "对多数代理来说，每 20 到 60 秒一个 ping 就够了。",
        ),
        both(
            "The receiver must answer each ping; a careful one closes with 1008.",
            "每个 ping 都要回答；谨慎的接收方会以 1008 关闭。",
        ),
    ),
    row(
        "fragment-flood",
        both(
            "A message has more than 10 000 fragments, or one second has 10 000 data frames with payloads below 16 bytes.",
            "一条消息分成超过 10 000 个分片，或一秒内有 10 000 个载荷小于 16 字节的数据帧。",
        ),
        both("The sender writes byte by byte, or this is an attack.", "发送方一个字节一个字节地写，或是攻击。"),
        both("Buffer data before you send it, and limit fragments at the receiver.", "发送前先缓冲；接收方限制分片数量。"),
        both(
            "Each fragment costs the receiver memory and time; this is a known way to exhaust servers.",
            "每个分片都要耗费接收方的内存和时间：这是耗尽服务器资源的已知手法。",
        ),
    ),
    row(
        "close-payload-1-byte",
        both("The payload of a Close frame has 1 byte; it must be empty or begin with a 2-byte close code.", "Close 帧的载荷只有 1 个字节；它应为空，或以 2 字节的关闭码开头。"),
        both("The sender wrote the close code as one byte.", "关闭码被写成了一个字节。"),
        both(
            "Leave the payload empty, or begin it with a 2-byte close code.",
            "载荷留空，或以 2 字节的关闭码开头。",
        ),
        FAILS,
    )
    .server("88 01 03"),
    row(
        "invalid-close-code",
        both(
            "The close code must not be sent (0-999, 1004-1006, 1015, 1016-2999, >= 5000).",
            "不允许发送的关闭码（0-999、1004-1006、1015、1016-2999、>= 5000）。",
        ),
        both(
            "A library sends a code that it got from an API; 1005, 1006 and 1015 exist only in APIs.",
            "库把 API 报告的码原样发出：1005、1006、1015 只用于 API。",
        ),
        both(
            "Send 1000 or 1001, or 4000-4999 for your own reasons.",
            "发送 1000 或 1001；自定义的原因用 4000-4999。",
        ),
        FAILS,
    )
    .server("88 02 03 ee"),
    row(
        "invalid-close-reason",
        both("The close reason is not valid UTF-8.", "关闭原因不是 UTF-8。"),
        both(
            "Often the reason was truncated at 123 bytes, in the middle of a character.",
            "常见于把原因在 123 字节处切断，正好切在一个字符中间。",
        ),
        both("Truncate the reason at a character boundary.", "在字符边界处截断。"),
        both(
            "The receiver may fail the connection with 1007; the connection closes in either case.",
            "接收方可以用 1007 使连接失败；无论如何连接都会关闭。",
        ),
    )
    .server("88 03 03 e8 ff"),
    row(
        "close-code-mismatch",
        both("The Close frame in reply carries a different close code.", "回应的 Close 帧带了不同的关闭码。"),
        both(
            "Both sides closed at the same time, or the replying library chooses its own code.",
            "两端同时关闭，或回应方的库自选关闭码。",
        ),
        both(
            "Nothing; a peer typically echoes the close code but need not.",
            "不用处理；对端通常回送收到的关闭码，但并非必须。",
        ),
        IGNORES,
    ),
    row(
        "close-unanswered",
        both(
            "The connection ended without a Close frame in reply.",
            "发出 Close 帧后，没有收到回应的 Close 帧，连接就结束了。",
        ),
        both("The peer dropped the connection instead of replying.", "对端没有回应，直接断开了连接。"),
        both("Make the peer reply with a Close frame before it closes TCP.", "让对端先回应 Close 帧，再关闭 TCP。"),
        both(
            "The side without a reply may report an unclean close (wasClean is false).",
            "没有等到回答的一方可能报告关闭不干净（wasClean 为 false）。",
        ),
    ),
    row(
        "closed-without-close",
        both("The connection ended without a Close frame.", "连接结束时没有任何 Close 帧。"),
        both(
            "A peer crashed or closed its socket without a Close frame, or a proxy's idle timeout expired.",
            "对端崩溃，或不发 Close 帧就关闭了套接字，或代理的空闲超时到期。",
        ),
        both(
            "Send a Close frame before closing TCP, and send pings more often than the proxy's timeout.",
            "先发 Close；ping 的间隔要短于代理的超时。",
        ),
        SEES_1006,
    ),
    row(
        "data-after-close",
        both("A side sent a data frame after its own Close frame.", "同一方发出 Close 之后又发了数据帧。"),
        both("Another thread continues to write.", "另一个线程还在写。"),
        both("Stop sending after the Close frame.", "发出 Close 之后就不要再发。"),
        both("Receivers ignore it, so this data is lost.", "接收方会忽略它，数据就丢了。"),
    )
    .server("88 02 03 e8 81 02 68 69"),
    row(
        "control-after-close",
        both(
            "A side sent a control frame, possibly a second Close, after its own Close frame.",
            "同一方发出 Close 之后又发了控制帧（包括第二个 Close）。",
        ),
        both(
            "The sender does not check its closing state before it sends a pong or a second Close.",
            "发送方在发送 pong 或第二个 Close 之前没有检查关闭状态。",
        ),
        both("Send nothing after a Close frame.", "Close 之后什么也不要发。"),
        both("Receivers ignore it; it is harmless.", "没有害处：接收方会忽略它。"),
    )
    .server("88 02 03 e8 8a 00"),
];
