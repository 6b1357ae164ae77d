//! Findings about TLS and key logs.

use super::{RuleWords, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "tls-no-secret",
        w("TLS connection whose secrets are in no key log.", "一条 TLS 连接，任何密钥日志里都没有它的密钥。"),
        w(
            "No key log was given, or the program was not told to write one before it connected.",
            "没有提供密钥日志，或者程序在建立连接之前没有被要求写密钥日志。",
        ),
        w(
            "Start the program with SSLKEYLOGFILE=keys.log, capture again, and read with --keylog keys.log. How for each program: wslens explain keylog.",
            "用 SSLKEYLOGFILE=keys.log 启动程序，重新抓包，再用 --keylog keys.log 读取。各种程序的做法：wslens explain keylog。",
        ),
        UNSEEN,
    ),
    row(
        "tls-unsupported",
        w(
            "TLS that is not decrypted: SSLv3, TLS 1.0 or 1.1, compression, or a cipher suite that is not known here.",
            "不解密的 TLS：SSLv3、TLS 1.0 或 1.1、启用了压缩，或这里不认识的密码套件。",
        ),
        w("Old software, or an unusual configuration.", "软件太旧，或配置不寻常。"),
        w(
            "Use TLS 1.2 or 1.3. What the handshake says in the clear is shown all the same.",
            "改用 TLS 1.2 或 1.3。握手中的明文部分照样显示。",
        ),
        w("The peers agreed on it and go on.", "双方已就此达成一致，会继续通信。"),
    ),
    row(
        "tls-record-damaged",
        w(
            "TLS record whose authentication fails: its bytes are not read.",
            "一条 TLS 记录没有通过认证校验：不读取它的内容。",
        ),
        w(
            "The capture holds other bytes than were sent, or the key log's secret is not this connection's.",
            "抓到的字节与发出的不同，或者密钥日志里的密钥不属于这条连接。",
        ),
        w(
            "Compare packet checksums, and check that the key log belongs to this capture.",
            "核对数据包的校验和，并确认密钥日志与这次抓包对应。",
        ),
        w(
            "A receiver that gets such a record ends the connection with the alert bad_record_mac.",
            "接收方收到这样的记录，会用 bad_record_mac 警报结束连接。",
        ),
    ),
    row(
        "tls-records-lost",
        w(
            "TLS records are missing in whole or in part; reading went on where the authentication of a record proved its number.",
            "有 TLS 记录整条或部分缺失；在某条记录的认证校验证明了它的序号之后，才继续往下读。",
        ),
        w("Packets were lost on the way into the capture.", "数据包在进入抓包文件之前丢失。"),
        w("Capture without loss to read them.", "要读到它们，需要一次没有丢包的抓包。"),
        UNSEEN,
    ),
    row(
        "tls-lost",
        w(
            "After a loss no record could be authenticated: the rest is counted, not read.",
            "丢失之后，再没有一条记录能通过认证校验：其余部分只计数，不读取。",
        ),
        w(
            "More was lost than is searched for, or the connection's keys changed in what was lost.",
            "丢失的数量超过了搜索范围，或者密钥正好在丢失的部分里更换了。",
        ),
        w("Capture again without loss.", "重新抓包，避免丢失。"),
        UNSEEN,
    ),
    row(
        "tls-incomplete-record",
        w("The stream ended inside a TLS record.", "字节流在一条 TLS 记录的中间结束。"),
        w(
            "The sender died, the connection was cut, or the capture stopped here.",
            "发送方崩溃、连接被切断，或者抓包到此为止。",
        ),
        w("Look at how TCP ended: RST, FIN or silence.", "看看 TCP 是怎样结束的：RST、FIN，还是没有了声音。"),
        w(
            "The receiver cannot use an incomplete record: what it held is lost.",
            "接收方用不了不完整的记录：其中的内容就丢了。",
        ),
    ),
    row(
        "tls-alert",
        w("A fatal alert ended the TLS connection.", "一条致命警报结束了 TLS 连接。"),
        w(
            "A certificate that is not accepted, no version or cipher suite in common, or a record that is damaged.",
            "证书不被接受、双方没有共同的版本或密码套件，或者记录损坏。",
        ),
        w("The alert's name says what the sender objected to.", "警报的名称说明发送方不接受什么。"),
        w("Both ends drop the connection at once.", "两端都立即放弃这条连接。"),
    ),
    row(
        "tls-early-data",
        w(
            "Application data was sent before the handshake (0-RTT).",
            "在握手完成之前就发送了应用数据（0-RTT）。",
        ),
        w("The client resumed a session that allows it.", "客户端恢复了一个允许这样做的会话。"),
        w(
            "An attacker can replay early data: a server must not let it change anything.",
            "攻击者可以重放早期数据：服务器不得让它改变任何状态。",
        ),
        w(
            "A server may refuse it; the client then sends it again.",
            "服务器可以拒绝；客户端随后会重新发送。",
        ),
    ),
    row(
        "tls-renegotiated",
        w("The peers renegotiated: new keys within the connection.", "双方重新协商：连接进行中更换了密钥。"),
        w(
            "A server that asks for a client certificate later, or one that refreshes its keys.",
            "服务器事后要求客户端证书，或者在更新密钥。",
        ),
        w("TLS 1.3 has no renegotiation any more.", "TLS 1.3 已经没有重新协商。"),
        w("Both ends go on with the new keys.", "两端用新密钥继续通信。"),
    ),
    row(
        "keylog-broken-line",
        w("Key log line that cannot be read.", "密钥日志里有一行无法读取。"),
        w(
            "The program that wrote it was stopped in the middle of it, or the file was edited.",
            "写日志的程序在中途停止，或者文件被改动过。",
        ),
        w(
            "A line is a label, the client's random and a secret, in hexadecimal.",
            "一行由标签、客户端随机数和密钥组成，后两者是十六进制。",
        ),
        UNSEEN,
    ),
    row(
        "keylog-unusable",
        w(
            "A key log contains no secret, or none that decrypts a connection of this capture.",
            "密钥日志里没有密钥，或者其中的密钥都不能解密这份抓包里的连接。",
        ),
        w(
            "The file is empty, packed or something else, or it was written during another session or by another program.",
            "文件是空的、被压缩过或者根本不是密钥日志，又或者它属于另一次会话、另一个程序。",
        ),
        w(
            "Start the program with SSLKEYLOGFILE set, and capture the connections that it opens after that. Unpack a packed key log.",
            "设置 SSLKEYLOGFILE 后再启动程序，并抓取它此后建立的连接。压缩过的密钥日志要先解压。",
        ),
        UNSEEN,
    ),
    row(
        "keylog-readable",
        w("The key log can be read by other users.", "其他用户也能读取这份密钥日志。"),
        w("The file was made with the usual rights.", "文件是用默认权限创建的。"),
        w("Take the right away: chmod 600.", "去掉这个权限：chmod 600。"),
        UNSEEN,
    ),
];
