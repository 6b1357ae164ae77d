//! `Sec-WebSocket-Extensions`: what is read can be written and read again; agreed values are in range.

use wslens::http::{deflate_agreed, deflate_offer, parse_extensions};
use wslens::model::Extension;

fn write(extensions: &[Extension]) -> String {
    let one = |extension: &Extension| {
        let params = extension.params.iter().map(|(name, value)| match value {
            Some(value) => format!("; {name}={value}"),
            None => format!("; {name}"),
        });
        extension.name.clone() + &params.collect::<String>()
    };
    extensions.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b))
}

pub fn run(data: &[u8]) {
    // Header lines of a request, then those of a response.
    let mut sides = data.splitn(2, |b| *b == 0);
    let lines = |side: Option<&[u8]>| parse_extensions(side.unwrap_or_default().split(|b| *b == 1));
    let (offers, _) = lines(sides.next());
    let (answers, well_formed) = lines(sides.next());
    for extension in offers.iter().chain(&answers) {
        assert!(is_token(&extension.name));
        for (name, value) in &extension.params {
            assert!(is_token(name) && value.as_deref().is_none_or(is_token), "{extension:?}");
        }
        let _ = deflate_offer(extension);
    }
    let written = write(&answers);
    assert_eq!(parse_extensions([written.as_bytes()].into_iter()), (answers.clone(), true), "{written}");
    if data.iter().filter(|b| **b == 0).count() < 2 {
        let all = parse_extensions(data.split(|b| *b < 2));
        assert_eq!(all.0, [offers.clone(), answers.clone()].concat(), "each line stands alone");
        assert!(well_formed || !all.1);
    }
    for offers in [None, Some(&offers[..])] {
        let Some((agreed, problems)) = deflate_agreed(&answers, offers) else { continue };
        for bits in [agreed.server_max_window_bits, agreed.client_max_window_bits] {
            assert!((8..=15).contains(&bits));
        }
        for problem in problems {
            assert!(!problem.chars().any(char::is_control), "{problem:?}");
        }
    }
}
