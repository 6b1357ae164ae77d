//! How to get the secrets of TLS connections: what each kind of program wants.

use super::{Bilingual, both};

/// What a key log is.
pub const WHAT: Bilingual = both(
    "wss:// is WebSocket inside TLS. Many programs can write the secrets of their connections to a file, the key log; with it wslens reads these connections like any other. Start the program so before it connects, capture with the handshake in it, then read with --keylog keys.log (or set SSLKEYLOGFILE for wslens, too, or name the file FILE.keys beside the capture FILE).",
    "wss:// 就是在 TLS 里跑的 WebSocket。很多程序能把自己连接的密钥写进一个文件，即密钥日志；有了它，wslens 读这些连接就和读别的连接一样。要在程序建立连接之前这样启动它，抓包要包含握手，再用 --keylog keys.log 读取（也可以给 wslens 设置 SSLKEYLOGFILE，或者把文件命名为 FILE.keys，放在抓包文件 FILE 旁边）。",
);

/// What comes after.
pub const CARE: Bilingual = both(
    "Anyone with the key log can decrypt these connections. Restrict its permissions (chmod 600 keys.log), do not share it, and delete it afterward.",
    "谁有密钥日志，谁就能看到这些连接上说过的一切。只允许自己读取（chmod 600 keys.log），用完删除，不要外传。",
);

/// What to do where no key log can be had.
pub const OTHERWISE: Bilingual = both(
    "If you cannot get the secrets, capture where the traffic is not encrypted: between the proxy that terminates TLS and the server behind it.",
    "拿不到密钥时，就在明文的地方抓包：在终结 TLS 的代理与它后面的服务器之间。",
);

/// Programs, and what makes each of them write a key log.
pub const PROGRAMS: [(&str, Bilingual); 9] = [
    (
        "Chromium",
        both(
            "chromium --ssl-key-log-file=keys.log, or SSLKEYLOGFILE=keys.log chromium; close all of its windows first. Chrome and Edge do the same.",
            "chromium --ssl-key-log-file=keys.log，或 SSLKEYLOGFILE=keys.log chromium；先关掉它的所有窗口。Chrome 和 Edge 同样如此。",
        ),
    ),
    (
        "Firefox",
        both(
            "SSLKEYLOGFILE=keys.log firefox --no-remote; close all of its windows first.",
            "SSLKEYLOGFILE=keys.log firefox --no-remote；先关掉它的所有窗口。",
        ),
    ),
    (
        "curl",
        both(
            "SSLKEYLOGFILE=keys.log curl …; most builds can, those on OpenSSL, GnuTLS, wolfSSL or rustls.",
            "SSLKEYLOGFILE=keys.log curl …；大多数版本都行，即基于 OpenSSL、GnuTLS、wolfSSL 或 rustls 的版本。",
        ),
    ),
    (
        "Node",
        both(
            "node --tls-keylog=keys.log app.js, or NODE_OPTIONS=--tls-keylog=keys.log.",
            "node --tls-keylog=keys.log app.js，或 NODE_OPTIONS=--tls-keylog=keys.log。",
        ),
    ),
    (
        "Python",
        both(
            "SSLKEYLOGFILE works with ssl.create_default_context(); otherwise context.keylog_filename = \"keys.log\".",
            "用 ssl.create_default_context() 时 SSLKEYLOGFILE 即可；否则写 context.keylog_filename = \"keys.log\"。",
        ),
    ),
    (
        "Go",
        both(
            "Set tls.Config.KeyLogWriter to a file that is open; the variable alone does nothing.",
            "把 tls.Config.KeyLogWriter 设为一个打开的文件；只设环境变量没有用。",
        ),
    ),
    (
        "Java",
        both(
            "The JDK does not support key logs; load an agent such as jSSLKeyLog with -javaagent:jSSLKeyLog.jar=keys.log.",
            "JDK 自己没有：用 -javaagent:jSSLKeyLog.jar=keys.log 加载 jSSLKeyLog 之类的代理。",
        ),
    ),
    (
        "rustls",
        both(
            "Set config.key_log to an Arc of a new rustls KeyLogFile, which supports SSLKEYLOGFILE.",
            "把 config.key_log 设为 Arc 里的一个新的 rustls KeyLogFile，它遵从 SSLKEYLOGFILE。",
        ),
    ),
    (
        "OpenSSL",
        both(
            "openssl s_client and s_server take -keylogfile keys.log; programs call SSL_CTX_set_keylog_callback.",
            "openssl s_client 和 s_server 有 -keylogfile keys.log；程序里调用 SSL_CTX_set_keylog_callback。",
        ),
    ),
];
