//! The rules of TLS and of key logs.

use crate::model::{both, peer};

crate::rules! {
    TLS_NO_SECRET = "tls-no-secret" Info "RFC 9850" {
        summary: "No key log contains the secrets of this TLS connection.",
            "密钥日志中没有这个 TLS 连接的密钥。";
        causes: both(
            "No key log was given, or the program did not write one for this connection.",
            "没有提供密钥日志，或者程序在建立连接之前没有被要求写密钥日志。",
        );
        remedy: both(
            "Start the program with SSLKEYLOGFILE=keys.log, capture again, and read with --keylog keys.log. For instructions per program, run: wslens explain keylog.",
            "用 SSLKEYLOGFILE=keys.log 启动程序，重新抓包，再用 --keylog keys.log 读取。各种程序的做法：wslens explain keylog。",
        );
        peer: peer::UNSEEN;
    }

    TLS_UNSUPPORTED = "tls-unsupported" Warning "RFC 7568, RFC 8996, RFC 3749" {
        summary: "wslens cannot decrypt this TLS connection: it uses SSLv3, TLS 1.0 or 1.1, compression, or an unknown cipher suite.",
            "wslens 无法解密这个 TLS 连接：它使用 SSLv3、TLS 1.0 或 1.1、压缩，或未知的密码套件。";
        causes: both("The software is old, or its configuration is unusual.", "软件太旧，或配置不寻常。");
        remedy: both(
            "Use TLS 1.2 or 1.3. wslens still shows the plaintext parts of the handshake.",
            "改用 TLS 1.2 或 1.3。握手中的明文部分照样显示。",
        );
        peer: both("The peers negotiated it and continue.", "双方已就此达成一致，会继续通信。");
    }

    TLS_RECORD_DAMAGED = "tls-record-damaged" Error "RFC 8446 §5.2" {
        summary: "A TLS record failed authentication; wslens does not read its contents.",
            "一条 TLS 记录没有通过认证校验：不读取它的内容。";
        causes: both(
            "The captured bytes differ from those sent, or the secret in the key log belongs to another connection.",
            "抓到的字节与发出的不同，或者密钥日志里的密钥不属于这条连接。",
        );
        remedy: both(
            "Compare packet checksums, and check that the key log belongs to this capture.",
            "核对数据包的校验和，并确认密钥日志与这次抓包对应。",
        );
        peer: both(
            "A receiver of such a record ends the connection with the alert bad_record_mac.",
            "接收方收到这样的记录，会用 bad_record_mac 警报结束连接。",
        );
    }

    TLS_RECORDS_LOST = "tls-records-lost" Warning "-" {
        summary: "TLS records are missing or incomplete; decryption resumed at a record whose authentication proved its sequence number.",
            "有 TLS 记录缺失或不完整；从一条通过认证、序号得到证明的记录起恢复解密。";
        causes: both("The capture lost packets.", "数据包在进入抓包文件之前丢失。");
        remedy: both("Capture again without loss.", "要读到它们，需要一次没有丢包的抓包。");
        peer: peer::UNSEEN;
    }

    TLS_LOST = "tls-lost" Error "-" {
        summary: "After a loss, no TLS record could be authenticated; the rest of the stream is counted but not decrypted.",
            "丢失之后，再没有一条记录能通过认证校验：其余部分只计数，不读取。";
        causes: both(
            "More records were lost than wslens searches for, or the keys changed during the loss.",
            "丢失的数量超过了搜索范围，或者密钥正好在丢失的部分里更换了。",
        );
        remedy: both("Capture again without loss.", "重新抓包，避免丢失。");
        peer: peer::UNSEEN;
    }

    TLS_INCOMPLETE_RECORD = "tls-incomplete-record" Warning "-" {
        summary: "The stream ended inside a TLS record.",
            "字节流在一条 TLS 记录的中间结束。";
        causes: both(
            "The sender crashed, the connection was interrupted, or the capture ended here.",
            "发送方崩溃、连接被切断，或者抓包到此为止。",
        );
        remedy: both("Check how TCP ended: with RST, with FIN, or not at all.", "检查 TCP 如何结束：RST、FIN，还是没有结束。");
        peer: both(
            "The receiver cannot use an incomplete record; its contents are lost.",
            "接收方用不了不完整的记录：其中的内容就丢了。",
        );
    }

    TLS_ALERT = "tls-alert" Warning "RFC 8446 §6" {
        summary: "A fatal alert ended the TLS connection.",
            "一条致命警报结束了 TLS 连接。";
        causes: both(
            "A certificate was rejected, the peers have no version or cipher suite in common, or a record is damaged.",
            "证书不被接受、双方没有共同的版本或密码套件，或者记录损坏。",
        );
        remedy: both("Look up the name of the alert, which states the reason.", "警报的名称说明发送方不接受什么。");
        peer: both("Both ends drop the connection at once.", "两端都立即放弃这条连接。");
    }

    TLS_EARLY_DATA = "tls-early-data" Info "RFC 8446 §8" {
        summary: "Application data was sent before the handshake (0-RTT).",
            "在握手完成之前就发送了应用数据（0-RTT）。";
        causes: both("The client resumed a session that allows early data.", "客户端恢复了一个允许这样做的会话。");
        remedy: both(
            "Do not let early data change any state on the server; an attacker can replay it.",
            "攻击者可以重放早期数据：服务器不得让它改变任何状态。",
        );
        peer: both("The server may reject early data; the client then sends it again.", "服务器可以拒绝；客户端随后会重新发送。");
    }

    TLS_RENEGOTIATED = "tls-renegotiated" Info "RFC 5746" {
        summary: "The peers renegotiated TLS and changed the keys of the connection.",
            "双方重新协商：连接进行中更换了密钥。";
        causes: both(
            "The server requests a client certificate later, or refreshes its keys.",
            "服务器事后要求客户端证书，或者在更新密钥。",
        );
        remedy: both("Nothing; TLS 1.3 no longer has renegotiation.", "TLS 1.3 已经没有重新协商。");
        peer: both("Both sides continue with the new keys.", "两端用新密钥继续通信。");
    }

    KEYLOG_BROKEN_LINE = "keylog-broken-line" Warning "RFC 9850" {
        summary: "wslens cannot parse a line of the key log.",
            "密钥日志里有一行无法读取。";
        causes: both(
            "The program that wrote the line was stopped, or the file was edited.",
            "写日志的程序在中途停止，或者文件被改动过。",
        );
        remedy: both(
            "Check the format: a label, the client random and a secret, the latter two in hexadecimal.",
            "一行由标签、客户端随机数和密钥组成，后两者是十六进制。",
        );
        peer: peer::UNSEEN;
    }

    KEYLOG_UNUSABLE = "keylog-unusable" Warning "RFC 9850" {
        summary: "A key log contains no secrets, or none for the connections in this capture.",
            "密钥日志里没有密钥，或者其中的密钥都不能解密这份抓包里的连接。";
        causes: both(
            "The file is empty, compressed or not a key log, or it belongs to another session or program.",
            "文件是空的、被压缩过或者根本不是密钥日志，又或者它属于另一次会话、另一个程序。",
        );
        remedy: both(
            "Start the program with SSLKEYLOGFILE set, and capture the connections that it opens afterward. Decompress a compressed key log.",
            "设置 SSLKEYLOGFILE 后再启动程序，并抓取它此后建立的连接。压缩过的密钥日志要先解压。",
        );
        peer: peer::UNSEEN;
    }

    KEYLOG_READABLE = "keylog-readable" Warning "-" {
        summary: "Other users can read the key log.",
            "其他用户也能读取这份密钥日志。";
        causes: both("The file was created with default permissions.", "文件是用默认权限创建的。");
        remedy: both("Revoke the permission: chmod 600.", "去掉这个权限：chmod 600。");
        peer: peer::UNSEEN;
    }
}
