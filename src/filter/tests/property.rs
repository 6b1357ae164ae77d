//! What holds for any filter.

use proptest::prelude::*;

use super::{Known, row};
use crate::filter::{FIELDS, complete, parse};

/// Pieces of filters, put together with no sense for the most part.
fn soup() -> impl Strategy<Value = String> {
    let words: Vec<String> = [
        "op",
        "text",
        "len",
        "==",
        "!=",
        "<",
        ">=",
        "~",
        "in",
        "{",
        "}",
        ",",
        "(",
        ")",
        "and",
        "or",
        "not",
        "!",
        "&&",
        "\"x\"",
        "\"",
        "'a b'",
        "\\",
        "..",
        "1..5",
        "5",
        "1KB",
        "json.a[0]",
        "json.",
        "json[",
        "json.\"k\"",
        "10.0.0.1",
        "::1/64",
        "rtt",
        "5ms",
        "time",
        "2026-01-01",
        "ip",
        "masked",
        "true",
        "contains",
        "payload",
        "48:65",
        "0x",
        "0xff",
        "key",
        "\u{1b}",
        "中",
        "é",
        "\\u{",
        "\\x",
        "[",
        "=",
        "&",
        "-1",
        "1e5",
        "a.*b",
        "close.code",
        "client",
        "1.2.3.4:80",
        "severity",
        "warning",
    ]
    .map(str::to_owned)
    .to_vec();
    let piece = prop_oneof![8 => prop::sample::select(words), 1 => ".{0,4}"];
    let space = prop::sample::select(vec![" ", " ", ""]);
    prop::collection::vec((piece, space), 0..14)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, space)| piece + space).collect())
}

/// Filters that are none but right ones.
fn right() -> impl Strategy<Value = String> {
    let number =
        prop_oneof![any::<u64>().prop_map(|n| n.to_string()), (0u64..9999).prop_map(|n| format!("{n}KiB"))];
    let span = (0u64..5_000_000_000, prop::sample::select(vec!["ns", "us", "ms", "s", ""]))
        .prop_map(|(n, unit)| format!("{n}{unit}"));
    let text = any::<String>().prop_filter("not empty", |t| !t.is_empty()).prop_map(|t| {
        let mut out = String::new();
        crate::filter::ast::write_text(&mut out, t.as_bytes());
        out
    });
    let order = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "eq", "gt"]);
    let test = prop_oneof![
        (prop::sample::select(vec!["len", "wire", "conn", "port"]), order(), number.clone())
            .prop_map(|(f, o, n)| format!("{f} {o} {n}")),
        (prop::sample::select(vec!["rtt", "time", "delta"]), order(), span)
            .prop_map(|(f, o, n)| format!("{f} {o} {n}")),
        (prop::sample::select(vec!["text", "url", "payload", "json.a", "any"]), text.clone())
            .prop_map(|(f, t)| format!("{f} contains {t}")),
        (prop::sample::select(vec!["text", "json.\"a b\"[*]"]), text.clone())
            .prop_map(|(f, t)| format!("{f} == {t}")),
        (any::<i64>(), any::<f64>().prop_filter("finite", |f| f.is_finite()))
            .prop_map(|(i, f)| format!("json.x in {{{i}, {f:?}}}")),
        text,
        (any::<u64>(), any::<u64>()).prop_map(|(a, b)| format!("len in {{{a}, {}..{}}}", a.min(b), a.max(b))),
        any::<[u8; 4]>().prop_map(|k| format!("key == {}", hex::encode(k))),
        (any::<std::net::Ipv4Addr>(), 0u8..=32).prop_map(|(a, n)| format!("ip == {a}/{n}")),
        (any::<std::net::Ipv6Addr>(), 0u8..=128).prop_map(|(a, n)| format!("ip != {a}/{n}")),
        any::<std::net::SocketAddr>()
            .prop_filter("no scope", |a| !a.to_string().contains('%'))
            .prop_map(|a| format!("client == {a}")),
        (0i64..4_000_000_000, 0u32..1_000_000_000)
            .prop_map(|(s, n)| { format!("time > {}", jiff::Timestamp::new(s, n as i32).unwrap()) }),
        Just("masked".to_owned()),
        Just("op in {text, ping..pong}".to_owned()),
        Just("text ~ \"\\\\d+\\\"x\\\\\\\\\"".to_owned()),
    ];
    test.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (
                prop::collection::vec(inner.clone(), 1..4),
                prop::sample::select(vec![" and ", " or ", "&&", "||"])
            )
                .prop_map(|(tests, joint)| format!("({})", tests.join(joint))),
            inner.prop_map(|test| format!("not ({test})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_place(text in prop_oneof![soup(), any::<String>()]) {
        match parse(&text) {
            Ok(filter) => {
                let written = filter.to_string();
                let again = parse(&written);
                prop_assert_eq!(again.as_ref(), Ok(&filter), "{} became {}", text, written);
                let _ = filter.test(&row());
            }
            Err(error) => {
                prop_assert!(text.get(error.range.clone()).is_some(), "{:?}", error);
                let shown = error.to_string();
                prop_assert_eq!(shown.lines().count(), 3, "{}", shown);
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{:?}", shown);
            }
        }
    }

    #[test]
    fn what_is_written_reads_back_as_the_same(text in right()) {
        let filter = parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let written = filter.to_string();
        let again = parse(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, &filter, "{} became {}", text, written);
        prop_assert_eq!(again.to_string(), written.clone());
        prop_assert_eq!(again.test(&row()), filter.test(&row()));
    }

    #[test]
    fn proposals_never_fail_and_stay_inside_the_text(text in soup(), cursor in 0usize..200) {
        for completion in complete(&text, cursor, &Known) {
            prop_assert!(text.get(completion.range.clone()).is_some());
            prop_assert!(!completion.text.is_empty());
        }
    }

    #[test]
    fn a_proposal_that_is_taken_leaves_a_filter_that_can_go_on(field in prop::sample::select(FIELDS.iter().collect::<Vec<_>>())) {
        let operators = complete(&format!("{} ", field.name), field.name.len() + 1, &Known);
        let all = field.kind.operators();
        prop_assert!(all.iter().all(|o| operators.iter().any(|c| c.text == *o)), "{}", field.name);
        let example = crate::filter::parse::tests_example(field.field);
        prop_assert!(parse(&example).is_ok(), "{}", example);
    }
}
