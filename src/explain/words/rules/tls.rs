//! Findings about TLS and key logs.

use super::{IGNORES, RuleWords, SEES_1006, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "tls-no-secret",
        w("TLS connection whose secrets are in no key log.", "TLS 连接，其密钥不在任何密钥日志中。"),
        w(
            "The program wrote no key log, or was started before it was asked to.",
            "程序没有写密钥日志，或在要求它写之前就已启动。",
        ),
        w(
            "Start it with SSLKEYLOGFILE=keys.log, capture again from the handshake on, and read with --keylog keys.log.",
            "用 SSLKEYLOGFILE=keys.log 启动程序，从握手起重新抓包，再用 --keylog keys.log 读取。",
        ),
        UNSEEN,
    ),
    row(
        "tls-unsupported",
        w(
            "TLS that is not decrypted: SSLv3, TLS 1.0 or 1.1, compression, or a cipher suite that is not known here.",
            "未解密的 TLS：SSLv3、TLS 1.0 或 1.1、压缩，或这里不认识的密码套件。",
        ),
        w(
            "An old device or program, or a cipher suite that few use.",
            "设备或程序太旧，或使用了少见的密码套件。",
        ),
        w(
            "Use TLS 1.2 or 1.3 without compression. What the handshake says in the clear is shown.",
            "使用不带压缩的 TLS 1.2 或 1.3。握手中的明文部分仍会显示。",
        ),
        w("Many peers refuse such a connection with an alert.", "许多对端会以警报拒绝这样的连接。"),
    ),
    row(
        "tls-record-damaged",
        w(
            "TLS record whose authentication fails: its bytes are not read.",
            "TLS 记录认证失败：其内容不读取。",
        ),
        w(
            "The capture holds other bytes than were sent, or the key log's secret is not this connection's.",
            "抓包里的字节与所发的不同，或密钥日志里的密钥不属于这个连接。",
        ),
        w(
            "Check that key log and capture belong together, and capture again.",
            "确认密钥日志与抓包相配，再重新抓包。",
        ),
        w(
            "A receiver of such a record sends the alert bad_record_mac and ends the connection.",
            "收到这种记录的一方会发 bad_record_mac 警报并结束连接。",
        ),
    ),
    row(
        "tls-records-lost",
        w(
            "TLS records are missing in whole or in part; reading went on where the authentication of a record proved its number.",
            "TLS 记录全部或部分缺失；从认证能证明序号的记录起继续读取。",
        ),
        w("Packets are missing from the capture.", "抓包缺少数据包。"),
        w("Capture without loss to read them.", "抓包时不丢包，才能读到它们。"),
        UNSEEN,
    ),
    row(
        "tls-lost",
        w(
            "After a loss no record could be authenticated: the rest is counted, not read.",
            "丢失之后没有记录能通过认证：其余部分只计数，不读取。",
        ),
        w(
            "More was lost than is searched for, or the connection's keys changed in what was lost.",
            "丢失的比搜索范围还多，或密钥在丢失的部分里换过。",
        ),
        w(
            "Capture again without loss: a larger buffer, a shorter snap length, a filter.",
            "重新抓包并避免丢包：更大的缓冲区、更短的截取长度、过滤器。",
        ),
        UNSEEN,
    ),
    row(
        "tls-incomplete-record",
        w("The stream ended inside a TLS record.", "流在一条 TLS 记录中间结束。"),
        w(
            "The sender died, the connection was cut, or the capture stopped here.",
            "发送方崩溃、连接被切断，或抓包到此为止。",
        ),
        w(
            "Look at how the TCP connection ended: FIN, RST, or not at all.",
            "查看 TCP 连接如何结束：FIN、RST，还是没有结束。",
        ),
        w(
            "It drops the incomplete record and treats the end as a truncation.",
            "对端丢弃不完整的记录，并把这个结尾当作截断。",
        ),
    ),
    row(
        "tls-alert",
        w("A fatal alert ended the TLS connection.", "致命警报结束了 TLS 连接。"),
        w(
            "What the alert's name says: a certificate, a version, a record.",
            "原因见警报的名称：证书、版本或某条记录。",
        ),
        w("Correct what the sender of the alert objected to.", "改正警报发送方所反对的内容。"),
        SEES_1006,
    ),
    row(
        "tls-early-data",
        w(
            "Application data was sent before the handshake (0-RTT).",
            "握手完成之前就发送了应用数据（0-RTT）。",
        ),
        w("A client that resumes a session and saves a round trip.", "客户端恢复会话，以省去一次往返。"),
        w(
            "An attacker can replay early data: let it change nothing on the server.",
            "早期数据可能被攻击者重放：不要让它改变服务器上的任何内容。",
        ),
        w(
            "The server reads it, or rejects it and lets the client send it again.",
            "服务器读取它，或拒绝后由客户端重发。",
        ),
    ),
    row(
        "tls-renegotiated",
        w(
            "The peers renegotiated: new keys within the connection.",
            "双方进行了重新协商：连接中途换了新密钥。",
        ),
        w(
            "A server that asks for a client certificate late, or renews keys after much data.",
            "服务器稍后才要求客户端证书，或在大量数据之后更换密钥。",
        ),
        w(
            "Nothing for now. TLS 1.3 has no renegotiation any more.",
            "暂时不用处理。TLS 1.3 已不再有重新协商。",
        ),
        IGNORES,
    ),
    row(
        "keylog-broken-line",
        w("Key log line that cannot be read.", "密钥日志中有一行无法读取。"),
        w(
            "The program that wrote it was stopped in the middle of a line, or the file is something else.",
            "写日志的程序在一行中间被停止，或文件不是密钥日志。",
        ),
        w(
            "A line is a label, the client's random and a secret, in hexadecimal. Write the log again.",
            "一行由标签、客户端随机数和密钥组成，均为十六进制。请重新生成日志。",
        ),
        UNSEEN,
    ),
    row(
        "keylog-readable",
        w("The key log can be read by other users.", "密钥日志可被其他用户读取。"),
        w("The program made the file with the usual rights.", "程序按通常的权限创建了文件。"),
        w(
            "Whoever has it can read the connections. Take the right away: chmod 600.",
            "拿到它的人都能读这些连接。请收回权限：chmod 600。",
        ),
        UNSEEN,
    ),
];
