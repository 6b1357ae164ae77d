//! Properties for any size and any keys.

use proptest::prelude::*;

use super::kit::Kit;
use crate::tui::event::{Event, Mouse, MouseKind};
use crate::tui::keys::{Key, Press};

/// Any input of a user.
fn anything() -> impl Strategy<Value = Event> {
    let key = prop_oneof![
        6 => prop::char::range(' ', '~').prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Up, Key::Down, Key::Left, Key::Right, Key::Home,
            Key::End, Key::PageUp, Key::PageDown, Key::Backspace, Key::Delete, Key::F(1),
        ]),
    ];
    let kind = prop::sample::select(vec![
        MouseKind::Click,
        MouseKind::DoubleClick,
        MouseKind::Drag,
        MouseKind::WheelUp,
        MouseKind::WheelDown,
    ]);
    prop_oneof![
        10 => (key, prop::bool::weighted(0.1)).prop_map(|(key, ctrl)| Event::Key(Press { key, ctrl, alt: false })),
        2 => (kind, 0u16..230, 0u16..70).prop_map(|(kind, x, y)| Event::Mouse(Mouse { kind, x, y })),
        2 => (1u16..220, 1u16..60).prop_map(|(columns, rows)| Event::Resize(columns, rows)),
        1 => ".{0,20}".prop_map(Event::Paste),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_keys_at_any_size_do_no_harm(
        name in prop::sample::select(vec!["chat-deflate", "violations", "refused", "gap-deflate"]),
        columns in 1u16..220, rows in 1u16..60,
        events in prop::collection::vec(anything(), 0..60),
    ) {
        let mut kit = Kit::open(name, columns, rows);
        for event in events {
            kit.event(event);
            kit.buffer();
        }
        kit.rest().buffer();
    }
}
