//! Findings about messages, ping, pong and close.

use super::{FAILS, IGNORES, RuleWords, SEES_1006, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "invalid-utf8",
        w(
            "Text message is not UTF-8; offset of the first bad byte is given.",
            "文本消息不是 UTF-8；会给出第一个错误字节的偏移。",
        ),
        w(
            "Binary data was sent as text, or another encoding was used.",
            "把二进制数据当文本发送，或用了别的编码。",
        ),
        w("Send it as BINARY, or encode it as UTF-8.", "改用 BINARY 发送，或编码成 UTF-8。"),
        w(
            "The receiver has to fail the connection with Close 1007 (Invalid frame payload data).",
            "接收方必须以 Close 1007（Invalid frame payload data）让连接失败。",
        ),
    )
    .server("81 03 48 ff 69"),
    row(
        "inflate-error",
        w("Compressed message cannot be inflated; raw bytes are kept.", "压缩的消息无法解压；保留原始字节。"),
        w(
            "The sender's deflate state does not match what was agreed on, or bytes were damaged.",
            "发送方的 deflate 状态与协商的不符，或字节损坏。",
        ),
        w(
            "Compare the parameters in the handshake with those of both libraries.",
            "把握手里的参数与两端库的设置对照。",
        ),
        w(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    )
    .deflate("c1 04 ff ff ff ff"),
    row(
        "unknown-extension",
        w(
            "RSV bits are used under an agreed extension that wslens does not know.",
            "一个已协商的扩展使用了 RSV 位，而 wslens 不认识这个扩展。",
        ),
        w("A private extension, or a newer one than this program.", "私有扩展，或比本程序更新的扩展。"),
        w(
            "Turn the extension off for the capture to read the messages.",
            "抓包时关闭这个扩展，就能读出消息。",
        ),
        w(
            "A peer that agreed to the extension decodes it; any other fails the connection.",
            "同意了该扩展的对端会解码；其他接收方让连接失败。",
        ),
    ),
    row(
        "deflate-window-exceeded",
        w(
            "Compressed message refers farther back than the agreed window allows.",
            "压缩的消息引用的距离超出了协商的窗口。",
        ),
        w(
            "The sender's compressor uses its default window instead of the agreed one.",
            "发送方的压缩器用了默认窗口，而不是协商的窗口。",
        ),
        w(
            "Pass the agreed window bits to the compressor, or do not agree to max_window_bits.",
            "把协商的窗口位数传给压缩器，或不要同意 max_window_bits。",
        ),
        w(
            "A receiver with the agreed window fails the connection, usually with 1007 or 1002.",
            "按协商分配窗口的接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-tail-kept",
        w("Compressed message still ends with 00 00 ff ff.", "压缩的消息末尾仍带着 00 00 ff ff。"),
        w(
            "The sender flushes the compressor and sends all of its output.",
            "发送方刷新（flush）压缩器后，把全部输出都发了出去。",
        ),
        w("Remove the last four bytes after Z_SYNC_FLUSH.", "Z_SYNC_FLUSH 之后去掉最后四个字节。"),
        w(
            "Many receivers read this message and fail at the next one.",
            "许多接收方能读这条消息，却在下一条失败。",
        ),
    )
    .deflate("c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff"),
    row(
        "deflate-wrapped",
        w("Compressed message begins with a zlib or gzip header.", "压缩的消息以 zlib 或 gzip 头开始。"),
        w(
            "The sender uses the zlib or gzip format of its library instead of raw deflate.",
            "发送方用了库里的 zlib 或 gzip 格式，而不是裸 deflate。",
        ),
        w(
            "Use raw deflate: negative window bits in zlib, `deflateRaw` in Node.js, `nowrap` in Java.",
            "改用裸 deflate：zlib 里用负的窗口位数，Node.js 里用 `deflateRaw`，Java 里用 `nowrap`。",
        ),
        w(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-final-block",
        w(
            "Compressed message ends with a final block (BFINAL) and lacks the byte 00 after it.",
            "压缩的消息以最后一块（BFINAL）结束，却缺少其后的字节 00。",
        ),
        w(
            "The sender finishes the compressor (Z_FINISH) instead of flushing it.",
            "发送方结束了压缩器（Z_FINISH），而不是刷新它。",
        ),
        w(
            "Use Z_SYNC_FLUSH and remove the last four bytes, or append 00 after Z_FINISH.",
            "改用 Z_SYNC_FLUSH 并去掉最后四个字节，或在 Z_FINISH 之后补一个 00。",
        ),
        w(
            "Some receivers read it, some fail at this message or the next.",
            "有的接收方能读，有的在这一条或下一条失败。",
        ),
    )
    .deflate("c1 07 f3 48 cd c9 c9 07 00"),
    row(
        "deflate-empty",
        w("RSV1 on a message with an empty payload.", "载荷为空的消息上置了 RSV1。"),
        w("The sender sets RSV1 without a look at the payload.", "发送方没有看载荷就置了 RSV1。"),
        w(
            "Send the byte 00, or send the empty message without RSV1.",
            "发送字节 00，或发送不带 RSV1 的空消息。",
        ),
        w("Many receivers fail at this message or the next.", "许多接收方在这一条或下一条失败。"),
    )
    .deflate("c1 00"),
    row(
        "deflate-per-fragment",
        w(
            "Each fragment of a message is compressed as if it were a message.",
            "消息的每个分片都被当作一条消息单独压缩。",
        ),
        w(
            "The sender's compression layer works on frames instead of messages.",
            "发送方的压缩层按帧工作，而不是按消息。",
        ),
        w("Compress the message first, then cut it into fragments.", "先压缩整条消息，再切成分片。"),
        w(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-not-compressed",
        w("RSV1 on a text message that is not compressed.", "未压缩的文本消息上置了 RSV1。"),
        w(
            "The sender skips compression for some messages and forgets to clear RSV1.",
            "发送方对某些消息跳过压缩，却忘了清除 RSV1。",
        ),
        w("Clear RSV1 on messages that are not compressed.", "在未压缩的消息上清除 RSV1。"),
        w(
            "The receiver fails the connection, usually with 1007 or 1002.",
            "接收方让连接失败，通常用 1007 或 1002。",
        ),
    )
    .deflate("c1 07 7b 22 61 22 3a 31 7d"),
    row(
        "deflate-window-kept",
        w(
            "Compressed message refers to an earlier one although no_context_takeover was agreed.",
            "已协商 no_context_takeover，压缩的消息却引用了更早的消息。",
        ),
        w(
            "The sender does not reset its compressor after each message.",
            "发送方没有在每条消息之后重置压缩器。",
        ),
        w(
            "Reset the compressor after each message, or do not agree to no_context_takeover.",
            "每条消息之后重置压缩器，或不要同意 no_context_takeover。",
        ),
        w(
            "A receiver that empties its window fails the connection, usually with 1007 or 1002.",
            "清空窗口的接收方让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "deflate-window-fed",
        w(
            "Compressed message refers to text that was sent uncompressed.",
            "压缩的消息引用了未压缩发送的文本。",
        ),
        w(
            "The sender runs every message through its compressor, and sends some of them, often short ones, as they are.",
            "发送方让每条消息都经过压缩器，却把其中一些（往往是短消息）原样发送。",
        ),
        w(
            "Do not give a message to the compressor that is sent without RSV1.",
            "不置 RSV1 发送的消息不要交给压缩器。",
        ),
        w(
            "A receiver finds a distance that leads too far back, or other text; it fails the connection, usually with 1007 or 1002.",
            "接收方得到过远的距离或别的文本，于是让连接失败，通常用 1007 或 1002。",
        ),
    ),
    row(
        "inflate-limit",
        w(
            "Inflated size or ratio hit the cap: output cut, connection goes on.",
            "解压后的大小或倍率达到上限：输出截断，连接继续。",
        ),
        w("A very large message, or a decompression bomb.", "消息非常大，或是解压炸弹。"),
        w(
            "If you trust it, set a larger cap with the flag that the finding names.",
            "如果信任它，用发现里给出的选项调大上限。",
        ),
        w(
            "A careful receiver has a limit of its own and closes with 1009.",
            "谨慎的接收方自己也有上限，会以 1009 关闭。",
        ),
    ),
    row(
        "message-limit",
        w(
            "Message over the keep limit: hash and size are exact, stored bytes are cut.",
            "消息超过保留上限：散列和大小准确，保存的字节被截断。",
        ),
        w("A large message. Nothing is wrong with it.", "只是消息很大，本身没有问题。"),
        w("Nothing; wslens export writes the part that was kept.", "不用处理；wslens 保留的是前面一部分。"),
        UNSEEN,
    ),
    row(
        "control-characters",
        w("Text holds C0/C1 control characters (shown escaped).", "文本里有 C0/C1 控制字符（转义显示）。"),
        w(
            "Terminal output sent as text, or somebody plays with terminals.",
            "把终端输出当文本发送，或有人想戏弄终端。",
        ),
        w("Do not print such text raw: terminals obey it.", "不要原样打印这样的文本：终端会照着执行。"),
        IGNORES,
    )
    .server("81 03 1b 5b 4a"),
    row(
        "bidi-control",
        w(
            "Text holds bidirectional overrides or isolates (shown escaped).",
            "文本里有双向控制字符（转义显示）。",
        ),
        w(
            "Right-to-left languages, or text made to read differently from what it is.",
            "从右到左书写的语言，或故意让文本看上去与实际不同。",
        ),
        w("Read the escaped form before you trust it.", "先看转义后的形式，再决定是否相信它。"),
        IGNORES,
    )
    .server("81 05 61 e2 80 ae 62"),
    row(
        "unsolicited-pong",
        w("Pong that answers no ping.", "没有对应 ping 的 pong。"),
        w("A one-way heartbeat; browsers and some libraries send them.", "单向心跳；有些客户端库会这样做。"),
        w("Nothing: it is allowed.", "不用处理：这是允许的。"),
        w("No answer is expected.", "不需要回答。"),
    )
    .server("8a 00"),
    row(
        "ping-unanswered",
        w(
            "Ping without a pong of equal payload before a later ping's pong, or close.",
            "在后一个 ping 的 pong 或关闭之前，没有载荷相同的 pong。",
        ),
        w(
            "The peer skipped it (allowed when a later ping was answered) or was no longer there.",
            "对端跳过了它（后一个 ping 已回答时允许），或已经不在。",
        ),
        w(
            "If none is answered, see whether the peer's event loop is blocked.",
            "如果都没有回答，检查对端的事件循环是否被阻塞。",
        ),
        w("Who sent the ping may give up and close TCP.", "发 ping 的一方可能放弃并关闭 TCP。"),
    ),
    row(
        "pong-late",
        w(
            "A pong came, but late: after more than 5 s, or after more than a second and three times the usual time.",
            "pong 来了，但是晚了：超过 5 秒，或超过 1 秒且超过平常时间的三倍。",
        ),
        w(
            "Its sender was busy, or the pong waited behind data in its send queue.",
            "发送方忙，或 pong 在发送队列里排在数据后面。",
        ),
        w(
            "Send less at a time, or wait longer for a pong: whoever gives up first ends the connection.",
            "减少一次发送的数据，或延长等待 pong 的时间：谁先放弃，谁就结束连接。",
        ),
        w(
            "Who sent the ping may give up before it comes and close with 1006 or 1011.",
            "发 ping 的一方可能在它到来之前就放弃，以 1006 或 1011 结束。",
        ),
    ),
    row(
        "ping-flood",
        w("More than 100 pings within one second from one side.", "一方在一秒内发了超过 100 个 ping。"),
        w("A heartbeat timer runs wild, or somebody attacks.", "心跳定时器失控，或有人攻击。"),
        w(
            "One ping in 20 to 60 seconds is enough for most proxies.",
            "对多数代理来说，每 20 到 60 秒一个 ping 就够了。",
        ),
        w(
            "Each ping has to be answered; a careful receiver closes with 1008.",
            "每个 ping 都要回答；谨慎的接收方会以 1008 关闭。",
        ),
    ),
    row(
        "fragment-flood",
        w(
            "Message in more than 10 000 fragments, or 10 000 data frames with payload < 16 bytes within one second.",
            "一条消息分成超过 10 000 个分片，或一秒内有 10 000 个载荷小于 16 字节的数据帧。",
        ),
        w("A sender that writes byte by byte, or an attack.", "发送方一个字节一个字节地写，或是攻击。"),
        w("Buffer before sending; limit fragments at the receiver.", "发送前先缓冲；接收方限制分片数量。"),
        w(
            "Each fragment costs a receiver memory and time: a known way to exhaust servers.",
            "每个分片都要耗费接收方的内存和时间：这是耗尽服务器资源的已知手法。",
        ),
    ),
    row(
        "close-payload-1-byte",
        w("Close payload of exactly 1 byte.", "Close 的载荷正好是 1 个字节。"),
        w("A code written as one byte.", "关闭码被写成了一个字节。"),
        w(
            "Leave the body empty, or begin it with a two-byte code.",
            "正文要么为空，要么以两个字节的关闭码开头。",
        ),
        FAILS,
    )
    .server("88 01 03"),
    row(
        "invalid-close-code",
        w(
            "Close code that must not be sent (0-999, 1004-1006, 1015, 1016-2999, >= 5000).",
            "不允许发送的关闭码（0-999、1004-1006、1015、1016-2999、>= 5000）。",
        ),
        w(
            "A library that passes on what its API reported: 1005, 1006 and 1015 are for APIs only.",
            "库把 API 报告的码原样发出：1005、1006、1015 只用于 API。",
        ),
        w(
            "Send 1000 or 1001, or 4000-4999 for reasons of your own.",
            "发送 1000 或 1001；自定义的原因用 4000-4999。",
        ),
        FAILS,
    )
    .server("88 02 03 ee"),
    row(
        "invalid-close-reason",
        w("Close reason is not UTF-8.", "关闭原因不是 UTF-8。"),
        w(
            "Often a reason cut at 123 bytes in the middle of a character.",
            "常见于把原因在 123 字节处切断，正好切在一个字符中间。",
        ),
        w("Cut at a character boundary.", "在字符边界处截断。"),
        w(
            "The receiver may fail the connection with 1007; the closing goes on anyway.",
            "接收方可以用 1007 让连接失败；反正连接都要关闭。",
        ),
    )
    .server("88 03 03 e8 ff"),
    row(
        "close-code-mismatch",
        w("The answer to a close carries another code.", "对 Close 的回答带了不同的关闭码。"),
        w(
            "Both sides closed at the same time, or the answering library picks its own code.",
            "两端同时关闭，或回答的库自选了一个码。",
        ),
        w(
            "Nothing: a Close is typically answered with the code received.",
            "不用处理：通常用收到的码来回答。",
        ),
        IGNORES,
    ),
    row(
        "close-unanswered",
        w(
            "Close without an answer before the connection ended.",
            "发出 Close 后没有得到回答，连接就结束了。",
        ),
        w("The peer dropped the connection instead of answering.", "对端没有回答，直接断开了连接。"),
        w("Let the peer answer a Close before it closes TCP.", "让对端先回答 Close，再关闭 TCP。"),
        w(
            "The side that got no answer may report an unclean close.",
            "没有等到回答的一方可能报告关闭不干净（wasClean 为 false）。",
        ),
    ),
    row(
        "closed-without-close",
        w("The connection ended without any Close frame.", "连接结束了，却没有任何 Close 帧。"),
        w(
            "A crash, a proxy's idle timeout, or a peer that just closes the socket.",
            "崩溃、代理的空闲超时，或对端直接关闭了套接字。",
        ),
        w(
            "Send Close first; ping more often than the proxy's timeout.",
            "先发 Close；ping 的间隔要短于代理的超时。",
        ),
        SEES_1006,
    ),
    row(
        "data-after-close",
        w("Data frame after the same side's close.", "同一方发出 Close 之后又发了数据帧。"),
        w("Another thread goes on writing.", "另一个线程还在写。"),
        w("Stop sending once the Close is sent.", "发出 Close 之后就不要再发。"),
        w("Receivers ignore it, so this data is lost.", "接收方会忽略它，数据就丢了。"),
    )
    .server("88 02 03 e8 81 02 68 69"),
    row(
        "control-after-close",
        w(
            "Control frame (also a second close) after the same side's close.",
            "同一方发出 Close 之后又发了控制帧（包括第二个 Close）。",
        ),
        w(
            "The sender's closing state is wrong: a pong or a second close slipped out.",
            "发送方的关闭状态有误：漏发了一个 pong 或第二个 Close。",
        ),
        w("Send nothing after a Close.", "Close 之后什么也不要发。"),
        w("Harmless: receivers ignore it.", "没有害处：接收方会忽略它。"),
    )
    .server("88 02 03 e8 8a 00"),
];
