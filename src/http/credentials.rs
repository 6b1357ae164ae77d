//! Credentials that a request carries. They are named, and never shown.

use super::{Judgement, rules};
use crate::model::{Direction, Head, HeaderField, safe_text};

/// Names of query parameters whose values are credentials. ASCII case does not count.
const SECRET: [&str; 16] = [
    "password",
    "passwd",
    "pwd",
    "pass",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "auth_token",
    "id_token",
    "refresh_token",
    "jwt",
    "api_key",
    "apikey",
    "api-key",
    "authorization",
];

/// The rule that a request breaks which carries credentials and runs without TLS: what they are, without themselves.
#[must_use]
pub fn credentials_in_clear(request: &Head) -> Option<Judgement> {
    let mut found = Vec::new();
    let target = request.target();
    if !target.starts_with(b"/")
        && let Some((_, rest)) = split(target, b"://")
        && let Some((user, _)) = split(rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()?, b"@")
        && !user.is_empty()
    {
        found.push("the URL names a user".to_owned());
    }
    let query = memchr::memchr(b'?', target).and_then(|at| target.get(at + 1..)).unwrap_or_default();
    for parameter in query.split(|byte| matches!(byte, b'&' | b';')) {
        let Some((name, value)) = split(parameter, b"=") else { continue };
        let is_secret = SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()));
        if is_secret && !value.is_empty() && found.len() < 4 {
            found.push(format!("the URL has the parameter {}", safe_text(name)));
        }
    }
    let mut range = request.line.clone();
    for name in ["Authorization", "Proxy-Authorization"] {
        let is_it = |field: &&HeaderField| {
            request.token(&field.name).eq_ignore_ascii_case(name.as_bytes())
                && request
                    .token(&field.value)
                    .get(..6)
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(b"basic "))
        };
        if let Some(field) = request.headers.iter().find(is_it) {
            if found.is_empty() {
                range = field.name.start..field.value.end.max(field.name.end);
            }
            found.push(format!("{name} is Basic: user and password in base64"));
        }
    }
    let text = format!("the request runs without TLS and carries credentials: {}", found.join("; "));
    (!found.is_empty()).then_some(Judgement {
        rule: &rules::CREDENTIALS_IN_CLEAR,
        side: Direction::ClientToServer,
        range,
        text,
    })
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = memchr::memmem::find(bytes, at)?;
    Some((bytes.get(..found)?, bytes.get(found + at.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadKind, HeadLimits, HeadScan, scan};

    fn text_of(target: &str, lines: &str) -> Option<String> {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a{lines}\r\n\r\n");
        match scan(HeadKind::Request, text.as_bytes(), &HeadLimits::default()) {
            HeadScan::Done(head, _) => credentials_in_clear(&head).map(|judgement| judgement.text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn credentials_are_named_and_never_shown() {
        let url = text_of("/diffusion?username=control&PassWord=hunter2", "").unwrap();
        assert!(url.contains("parameter PassWord") && !url.contains("hunter2"), "{url}");
        let basic = text_of("/", "\r\nAuthorization: Basic dXNlcjpodW50ZXIy").unwrap();
        assert!(basic.contains("Authorization is Basic") && !basic.contains("dXNl"), "{basic}");
        let user = text_of("ws://me:hunter2@a/x", "").unwrap();
        assert!(user.contains("names a user") && !user.contains("hunter2"), "{user}");
    }

    #[test]
    fn what_is_near_is_no_credential() {
        for (target, lines) in [
            ("/chat?sid=ab12&transport=websocket", ""),
            ("/?token=", ""),
            ("/password=x", ""),
            ("/?tokens=3", ""),
            ("/a@b", "\r\nAuthorization: Negotiate abc"),
        ] {
            assert_eq!(text_of(target, lines), None, "{target}");
        }
    }
}
