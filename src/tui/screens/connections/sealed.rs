//! TLS connections that could not be read, below those that could.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::pipeline::SealedTls;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, units};

/// Draws as many as there is room for, from the bottom of `area` up; a line in front says what they are.
pub fn draw(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
    let (all, count) = (&ctx.index.sealed, ctx.index.sealed_count);
    if count == 0 || area.height < 2 {
        return;
    }
    let shown = all.len().min(usize::from(area.height) - 1);
    let mut head = Text::of(Role::Title, format!(" TLS that cannot be decrypted: {}", units::grouped(count)));
    head.add(Role::Dim, "   wslens explain keylog shows how to get TLS secrets");
    let lines = std::iter::once(head).chain(all.iter().take(shown).map(line));
    let y = area.bottom().saturating_sub(shown as u16 + 1);
    for (y, line) in (y..area.bottom()).zip(lines) {
        line.draw(buffer, area.x, y, area.width, ctx.theme());
    }
}

/// `wss.example  127.0.0.1:18104  TLS 1.3  TLS_AES_256_GCM_SHA384  6→ 13← records  no-secret`
fn line(sealed: &SealedTls) -> Text {
    let SealedTls { session, records, .. } = sealed;
    let mut line = Text::of(Role::Plain, "   ");
    match &session.server_name {
        Some(name) => line.captured(Role::Plain, name.as_bytes(), 40),
        None => line.add(Role::Dim, "(no name)"),
    };
    line.plainly(format!("  {}", sealed.server));
    match sealed.resembles {
        "much" => _ = line.add(Role::Note, "  by record sizes and times much like a WebSocket (a hint)"),
        "some" => _ = line.add(Role::Note, "  by ALPN, sizes and times somewhat like a WebSocket (a hint)"),
        _ => {}
    }
    line.add(Role::Dim, format!("  {}", sealed.why));
    line.plainly(format!("  {}", session.version));
    let (c2s, s2c) = (records.c2s.records, records.s2c.records);
    line.add(Role::ClientToServer, format!("  →{}", units::grouped(c2s)));
    line.add(Role::ServerToClient, format!(" ←{}", units::grouped(s2c)));
    line.plainly(" records");
    match (&session.alpn, sealed.offered.is_empty()) {
        (Some(alpn), _) => line.plainly("  ALPN ").captured(Role::Plain, alpn.as_bytes(), 16),
        (None, true) => &mut line,
        (None, false) => {
            line.plainly("  ALPN offered ").captured(Role::Plain, sealed.offered.join(", ").as_bytes(), 30)
        }
    };
    if session.resumed {
        line.plainly("  resumed");
    }
    line.add(Role::Dim, format!("  {}", session.cipher));
    line
}
