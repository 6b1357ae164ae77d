//! A command line that repeats an opening handshake.

use std::fmt::Write as _;

use crate::http::Handshake;
use crate::model::is_hidden;

/// The `curl` command that sends a handshake's request again; `None` where the request was not captured, is an extended
/// CONNECT of HTTP/2, which curl cannot send, or `url` is none of a WebSocket.
///
/// Everything captured is quoted for a POSIX shell; what holds control or invisible characters is written in the `$'…'` of bash,
/// ksh and zsh, so that nothing of it can act on the terminal that it is pasted into. Lines that are no header of RFC 9110
/// are left out.
#[must_use]
pub fn curl(handshake: &Handshake, url: &str) -> Option<String> {
    let request = handshake.request.as_ref().filter(|_| !handshake.is_http2)?;
    let rest = url.strip_prefix("ws").or_else(|| url.strip_prefix("http"))?;
    let mut command = "curl --http1.1 -i -N --globoff --path-as-is".to_owned();
    if request.method() != b"GET" {
        let _ = write!(command, " -X {}", quoted(request.method()));
    }
    for field in &request.headers {
        let (name, value) = (request.token(&field.name), request.token(&field.value));
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            continue;
        }
        // curl takes `name:` for "do not send it"; `name;` sends it empty.
        let line = match value.is_empty() {
            true => [name, b";"].concat(),
            false => [name, b": ", &unfolded(value)].concat(),
        };
        let _ = write!(command, " -H {}", quoted(&line));
    }
    let _ = write!(command, " --url {}", quoted(format!("http{rest}").as_bytes()));
    Some(command)
}

/// A folded value in one line (RFC 9112 section 5.2).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(&b' ')
}

/// Whether a byte may stand in a header's name (RFC 9110 section 5.6.2). `@` may not: curl would read a file.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Bytes as one word of a shell.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    let plain = |text: &&str| !text.chars().any(|char| char.is_control() || is_hidden(char));
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(plain) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut out = "$'".to_owned();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\'' | '\\' => {
                    out.push('\\');
                    out.push(char);
                }
                _ if char.is_control() || is_hidden(char) => {
                    escape(&mut out, char.encode_utf8(&mut [0; 4]).as_bytes())
                }
                _ => out.push(char),
            }
        }
        escape(&mut out, chunk.invalid());
    }
    out.push('\'');
    out
}

/// Three octal digits end by themselves; hexadecimal ones would go on in what follows.
fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::handshake::read_heads;
    use crate::http::judge;
    use proptest::prelude::*;

    fn command(request: &str, url: &str) -> Option<String> {
        let heads = read_heads(request.as_bytes());
        curl(&judge(heads.request.as_ref(), None).0, url)
    }

    #[test]
    fn a_handshake_is_repeated_with_its_own_headers() {
        let request =
            "GET /chat?room=1 HTTP/1.1\nHost: a.example\nUpgrade: websocket\nX-Odd: it's\nX-Empty:\n";
        assert_eq!(
            command(request, "ws://a.example/chat?room=1").unwrap(),
            r"curl --http1.1 -i -N --globoff --path-as-is -H 'Host: a.example' -H 'Upgrade: websocket' -H 'X-Odd: it'\''s' -H 'X-Empty;' --url 'http://a.example/chat?room=1'"
        );
        assert!(command(request, "wss://a.example/").unwrap().ends_with("--url 'https://a.example/'"));
        assert_eq!(command(request, "10.0.0.1:80"), None);
    }

    #[test]
    fn no_file_is_read_and_nothing_acts_on_the_terminal() {
        let request = "GET / HTTP/1.1\nHost: a\n@/etc/passwd: x\nX: \x1b]0;t\x07 $(id) `id`\n";
        let command = command(request, "ws://a/").unwrap();
        assert!(!command.contains("passwd"), "{command}");
        assert!(command.contains(r"-H $'X: \033]0;t\007 $(id) `id`'"), "{command}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_shell_gets_back_what_was_quoted(bytes in prop::collection::vec(1u8.., 0..40), text in "[ -~é中]{0,20}") {
            for bytes in [bytes, text.into_bytes()] {
                let word = quoted(&bytes);
                prop_assert!(!word.chars().any(|char| char.is_control() || is_hidden(char)));
                let script = format!("printf %s {word}");
                // Where there is no bash there is nothing to compare with.
                let Ok(shell) = std::process::Command::new("bash").args(["-c", &script]).output() else { return Ok(()) };
                prop_assert_eq!(shell.stdout, bytes, "{}", word);
            }
        }
    }
}
