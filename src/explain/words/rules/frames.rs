//! Findings about frames.

use super::{FAILS, RuleWords, SEES_1006, UNSEEN, both, row};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "reserved-bit-set",
        both("An RSV bit is set, but no extension that defines it was negotiated.", "RSV 位被置位，但没有协商定义它的扩展。"),
        both(
            "The sender compresses although permessage-deflate was not negotiated, or the frame boundaries are wrong.",
            "发送方没有协商 permessage-deflate 却用了压缩，或帧的边界有误。",
        ),
        both(
            "Check Sec-WebSocket-Extensions in the handshake; a proxy may have removed it.",
            "检查握手中的 Sec-WebSocket-Extensions；可能被代理删除了。",
        ),
        FAILS,
    )
    .server("c1 05 48 65 6c 6c 6f"),
    row(
        "rsv1-on-control-frame",
        both(
            "RSV1 is set on a control frame; permessage-deflate applies only to data messages.",
            "控制帧上置了 RSV1；permessage-deflate 只适用于数据消息。",
        ),
        both("The sender's compression layer sets the bit on every frame.", "发送方的压缩层给每个帧都置了这一位。"),
        both("Set RSV1 only on the first frame of a compressed data message.", "只在压缩过的数据消息的第一个帧上置 RSV1。"),
        FAILS,
    )
    .deflate("c9 02 68 69"),
    row(
        "rsv1-on-continuation",
        both("RSV1 is set on a continuation frame.", "延续帧上置了 RSV1。"),
        both("The sender sets RSV1 on every fragment.", "发送方把每个分片都标成压缩。"),
        both("Set RSV1 only on the first fragment.", "清除这一位：只有第一个分片带 RSV1。"),
        both("Many receivers close with 1002.", "许多接收方以 1002 关闭。"),
    )
    .deflate("41 03 f2 48 cd c0 04 c9 c9 07 00"),
    row(
        "reserved-opcode",
        both("The opcode is reserved (3-7 or 11-15).", "操作码是保留值（3-7 或 11-15）。"),
        both(
            "The frame boundaries were lost earlier, the bytes are not WebSocket, or the peers use a private protocol.",
            "之前已丢失帧的边界、字节不是 WebSocket，或双方使用私有协议。",
        ),
        both("Use opcode 1 or 2 for data; no extension defines these opcodes.", "没有扩展定义过这些操作码：数据请用 1 或 2。"),
        FAILS,
    )
    .server("83 05 48 65 6c 6c 6f"),
    row(
        "fragmented-control-frame",
        both("A control frame has FIN=0; control frames must not be fragmented.", "控制帧的 FIN 为 0；控制帧不得分片。"),
        both("The sender fragments all frames, including control frames.", "发送方把所有帧都分片，连控制帧也不例外。"),
        both("Send each control frame in one piece, with FIN=1.", "控制帧不要分片，FIN 为 1。"),
        FAILS,
    )
    .server("09 02 68 69"),
    row(
        "control-frame-too-long",
        both("The payload of a control frame is longer than 125 bytes.", "控制帧的载荷超过 125 字节。"),
        both("The close reason is too long, or a ping carries data.", "关闭原因太长，或把数据塞进了 ping。"),
        both("Shorten the payload to 125 bytes (123 for a close reason).", "缩短到 125 字节以内（关闭原因为 123 字节）。"),
        FAILS,
    ),
    row(
        "unexpected-continuation",
        both("A continuation frame arrived, but no fragmented message is open.", "收到延续帧，但没有未完成的分片消息。"),
        both("The sender started a message with opcode 0, or had already ended it.", "发送方用操作码 0 开始消息，或消息此前已经结束。"),
        both("Start a message with opcode 1 or 2, continue with opcode 0, and end with FIN=1.", "消息以操作码 1 或 2 开头，用 0 延续，以 FIN=1 结束。"),
        FAILS,
    )
    .server("80 02 68 69"),
    row(
        "interleaved-data-frame",
        both("A new data frame arrived while a fragmented message is open.", "分片消息尚未结束，又收到新的数据帧。"),
        both("Two writers share a connection without a lock.", "两个写入方共用一个连接而没有加锁。"),
        both(
            "Let one writer send at a time; only control frames may come between fragments.",
            "同一时间只让一方写：分片之间只能插入控制帧。",
        ),
        FAILS,
    )
    .server("01 02 48 65 81 02 68 69"),
    row(
        "non-minimal-length",
        both("The payload length is not in its shortest form.", "载荷长度没有用最短的形式。"),
        both("The sender's encoder chooses the wrong length form.", "发送方的编码器选错了长度形式。"),
        both("Use 7 bits up to 125, 16 bits up to 65535, 64 bits beyond.", "125 以内用 7 位，65535 以内用 16 位，更大才用 64 位。"),
        both(
            "Strict receivers fail the connection (1002); others accept the frame.",
            "严格的接收方使连接失败（1002）；其他的仍会接受。",
        ),
    )
    .server("81 7e 00 05 48 65 6c 6c 6f"),
    row(
        "length-msb-set",
        both("The 64-bit payload length has its top bit set; wslens allocates no memory for it.", "64 位长度的最高位为 1；没有为它分配任何内存。"),
        both("The sender wrote a negative number, or the frame boundaries were lost earlier.", "把负数写成了长度，或之前已丢失帧的边界。"),
        both("Check the preceding frames; the following bytes cannot be decoded as frames.", "请检查前面的帧；之后的字节无法按帧解析。"),
        FAILS,
    )
    .server("82 7f 80 00 00 00 00 00 00 01"),
    row(
        "unmasked-client-frame",
        both("A frame from the client is not masked.", "客户端的帧没有掩码。"),
        both("The client is hand-written, or a tunnel omits masking on purpose.", "手写的客户端，或某些隧道故意省略掩码。"),
        both("Mask every frame from client to server with a new random key.", "客户端发出的每个帧都加掩码，并且每帧换一个随机密钥。"),
        both(
            "The server must close the connection and may send close code 1002.",
            "服务器必须关闭连接，可以发送关闭码 1002。",
        ),
    )
    .client("81 05 48 65 6c 6c 6f"),
    row(
        "masked-server-frame",
        both("A frame from the server is masked.", "服务器的帧带有掩码。"),
        both("The server sends with client code.", "服务器用了客户端的代码来发送。"),
        both("Do not mask frames from server to client.", "发给客户端的帧不要加掩码。"),
        both("The client must close the connection and may send close code 1002.", "客户端必须关闭连接，可以发送关闭码 1002。"),
    )
    .server("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
    row(
        "weak-masking-key",
        both("The masking key is zero, or the same in many frames of the connection.", "掩码密钥为零，或在一个连接的许多帧里都相同。"),
        both("The client uses a constant key, which is common in test tools.", "客户端使用固定的密钥，常见于测试工具。"),
        both("Take each key from a strong source of random numbers.", "每个密钥都取自可靠的随机源。"),
        both(
            "Receivers accept it. A script can, however, choose the bytes on the wire and mislead a careless proxy.",
            "接收方会接受。但脚本可以借此选择线路上的字节，误导不严谨的代理。",
        ),
    )
    .client("81 85 00 00 00 00 48 65 6c 6c 6f"),
    row(
        "not-a-frame",
        both("The bytes at the expected start of a frame are not a frame.", "在应为帧开头的位置，字节不是帧。"),
        both(
            "A proxy or an error handler writes HTTP to a connection that is already a WebSocket, a program prints text \
             into it, or the server sends its frames in HTTP chunks.",
            "代理或错误处理程序往已经是 WebSocket 的连接里写了 HTTP，程序把文本打印到了连接里，或服务器把帧放在 HTTP 分块里发送。",
        ),
        both(
            "Find the program that writes these bytes; the text in the finding often names it. After the 101, send only frames.",
            "找出写入这些字节的程序；发现中的文本往往已指明。101 之后只能发送帧。",
        ),
        both(
            "Receivers fail the connection (1002): browsers say \"Invalid frame header\" or that reserved bits must be clear.",
            "接收方使连接失败（1002）：浏览器会报“Invalid frame header”或保留位必须为零。",
        ),
    ),
    row(
        "wrong-length-encoding",
        both("The payload length of a frame is plausible only in another encoding.", "帧的载荷长度只有按另一种编码解读才合理。"),
        both(
            "The sender writes an extended length in little-endian order, or a length above 125 into the 7-bit field.",
            "发送方把扩展长度的低位字节写在前面，或把大于 125 的长度写进了 7 位里。",
        ),
        both(
            "Write lengths up to 125 into the 7 bits, up to 65535 as 126 and 2 bytes, and others as 127 and 8 bytes, \
             in network byte order.",
            "不超过 125 的长度写在 7 位里，不超过 65535 的写成 126 加两个字节，其余写成 127 加八个字节，均为网络字节序。",
        ),
        both(
            "Receivers wait for bytes that never arrive, or read payload bytes as frames and fail the connection.",
            "接收方会一直等待不会到来的字节，或把载荷当成帧而使连接失败。",
        ),
    ),
    row(
        "incomplete-frame",
        both("The stream ended inside a frame.", "流在一个帧的中间结束。"),
        both("The sender crashed, the connection was interrupted, or the capture ended here.", "发送方崩溃、连接被切断，或抓包到此为止。"),
        both("Check how TCP ended: with FIN, with RST, or not at all.", "看 TCP 如何结束：FIN、RST，还是根本没有结束。"),
        SEES_1006,
    ),
    row(
        "incomplete-message",
        both("The stream ended inside a fragmented message.", "流在一个分片消息的中间结束。"),
        both("The last fragment (FIN=1) did not arrive.", "最后一个分片（FIN=1）始终没有来。"),
        both("Check how the connection ended, and whether the sender sets FIN.", "看连接如何结束，以及发送方是否忘了 FIN。"),
        both("The receiving application does not get this message.", "接收方的应用永远看不到这条消息。"),
    ),
    row(
        "desynchronised",
        both(
            "The frame boundaries are lost after a gap or invalid bytes; skipped bytes are counted and shown raw.",
            "在缺口或无效字节之后丢失了帧的边界；跳过的字节会计数并原样显示。",
        ),
        both("The capture lost packets, or the bytes are not WebSocket.", "抓包丢了数据包，或字节不是 WebSocket。"),
        both(
            "Capture again without loss; check the drop counters of the capture program.",
            "请重新抓包并避免丢包；检查抓包程序的丢包计数。",
        ),
        UNSEEN,
    ),
];
