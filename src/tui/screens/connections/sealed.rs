//! TLS connections that cannot be decrypted, below the list of connections.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::Lang;
use crate::pipeline::SealedTls;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, units};

/// Draws a heading and as many connections as fit at the bottom of `area`.
pub fn draw(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
    let (all, count) = (&ctx.index.sealed, ctx.index.sealed_count);
    if count == 0 || area.height < 2 {
        return;
    }
    let lang = ctx.shared.lang;
    let shown = all.len().min(usize::from(area.height) - 1);
    let mut head = Text::of(
        Role::Title,
        format!(
            "{}{}",
            lang.pick(" TLS that cannot be decrypted: ", " 无法解密的 TLS："),
            units::grouped(count)
        ),
    );
    head.add(
        Role::Dim,
        lang.pick(
            "   wslens explain keylog shows how to get TLS secrets",
            "   wslens explain keylog 说明如何取得 TLS 密钥",
        ),
    );
    let lines = std::iter::once(head).chain(all.iter().take(shown).map(|sealed| line(sealed, lang)));
    let y = area.bottom().saturating_sub(shown as u16 + 1);
    for (y, line) in (y..area.bottom()).zip(lines) {
        line.draw(buffer, area.x, y, area.width, ctx.theme());
    }
}

/// `wss.example  127.0.0.1:18104  TLS 1.3  TLS_AES_256_GCM_SHA384  6→ 13← records  no-secret`
fn line(sealed: &SealedTls, lang: Lang) -> Text {
    let SealedTls { session, records, .. } = sealed;
    let mut line = Text::of(Role::Plain, "   ");
    match &session.server_name {
        Some(name) => line.captured(Role::Plain, name.as_bytes(), 40),
        None => line.add(Role::Dim, lang.pick("(no name)", "（无名称）")),
    };
    line.plainly(format!("  {}", sealed.server));
    match sealed.resembles {
        "much" => {
            _ = line.add(
                Role::Note,
                lang.pick(
                    "  record sizes and times resemble a WebSocket strongly (a hint)",
                    "  记录的长度和时间很像 WebSocket（仅供参考）",
                ),
            )
        }
        "some" => {
            _ = line.add(
                Role::Note,
                lang.pick(
                    "  ALPN, sizes and times resemble a WebSocket somewhat (a hint)",
                    "  ALPN、长度和时间有些像 WebSocket（仅供参考）",
                ),
            )
        }
        _ => {}
    }
    line.add(Role::Dim, format!("  {}", sealed.why));
    line.plainly(format!("  {}", session.version));
    let (c2s, s2c) = (records.c2s.records, records.s2c.records);
    line.add(Role::ClientToServer, format!("  →{}", units::grouped(c2s)));
    line.add(Role::ServerToClient, format!(" ←{}", units::grouped(s2c)));
    line.plainly(lang.pick(" records", " 条记录"));
    match (&session.alpn, sealed.offered.is_empty()) {
        (Some(alpn), _) => line.plainly("  ALPN ").captured(Role::Plain, alpn.as_bytes(), 16),
        (None, true) => &mut line,
        (None, false) => line.plainly(lang.pick("  ALPN offered ", "  提供的 ALPN ")).captured(
            Role::Plain,
            sealed.offered.join(", ").as_bytes(),
            30,
        ),
    };
    if session.resumed {
        line.plainly(lang.pick("  resumed", "  会话恢复"));
    }
    line.add(Role::Dim, format!("  {}", session.cipher));
    line
}
