//! The list of connections.

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Fill, Length, Min};
use ratatui::layout::{Layout as Split, Rect};

use super::{Connections, SortOrder, duration, ending, sealed, sign, summary};
use crate::model::{Lang, width};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Reading};
use crate::tui::screens::{ScreenId, empty};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Column, Pane, Text, bars, table, units};

/// The name of a connection: its URL, or its two ends; and why it did not open.
fn name(row: &ConnectionRow, lang: Lang, columns: usize) -> Text {
    let mut line = Text::new();
    let why = match (row.state, row.handshake.status) {
        (Some(State::Refused), Some(status)) => format!("  → {status}"),
        (Some(State::Refused), None) if row.handshake.foreign.is_some() => {
            lang.pick("  → not HTTP", "  → 不是 HTTP").to_owned()
        }
        (Some(State::Refused), None) => lang.pick("  → refused", "  → 被拒绝").to_owned(),
        (Some(State::Unanswered), _) => lang.pick("  → no response", "  → 无响应").to_owned(),
        _ if row.is_midstream() => lang.pick("  (handshake not captured)", "  （未抓到握手）").to_owned(),
        _ if row.request.is_none() => lang.pick("  (request not captured)", "  （未抓到请求）").to_owned(),
        _ => String::new(),
    };
    let room = columns.saturating_sub(width(&why));
    match &row.url {
        Some(url) => line.captured(Role::Plain, url.as_bytes(), room),
        None => line.captured(Role::Plain, format!("{} → {}", row.client, row.server).as_bytes(), room),
    };
    line.add(Role::Warning, why);
    line
}

/// `z` where messages may be compressed, `+` for another extension, `-` for none.
fn extensions(row: &ConnectionRow) -> &'static str {
    match (row.handshake.deflate, row.handshake.extensions.len()) {
        _ if row.handshake.response.is_none() => "?",
        (Some(_), 1) => "z",
        (Some(_), _) => "z+",
        (None, 0) => "-",
        (None, _) => "+",
    }
}

/// Number of columns of the sparkline.
const BUCKETS: usize = 8;

/// The columns of the table.
struct Layout {
    columns: Vec<Column>,
    /// Whether the columns for wide terminals are shown.
    wide: bool,
    /// The width of the URL.
    url: usize,
}

impl Layout {
    fn new(ctx: &Ctx<'_>, width: u16) -> Self {
        let lang = ctx.shared.lang;
        let digits = ctx.index.connections.len().max(1).ilog10() as usize + 1;
        let wide = width >= 98;
        let (number, state) = (digits.max(if wide { 3 } else { 2 }) + 2, lang.pick("St", "态"));
        // The mark is behind the number.
        let mut columns = vec![Column::right("# ", number).close(), Column::left(state, 2)];
        let messages = (lang.pick("Msg→", "消息→"), lang.pick("Msg←", "消息←"));
        let duration = Column::right(lang.pick("Duration", "持续时间"), 8).close();
        let close = Column::right(lang.pick("Close", "关闭"), 6).close();
        if wide {
            columns.extend([
                Column::left(lang.pick("Subproto", "子协议"), 8),
                Column::left(lang.pick("Ext", "扩展"), lang.pick(3, 4)),
                Column::right(messages.0, 5),
                Column::right(messages.1, 6),
                Column::right(lang.pick("Bytes→", "字节→"), 7),
                Column::right(lang.pick("Bytes←", "字节←"), 7),
                duration,
                close,
                Column::right("!", 3),
                Column::left(lang.pick("Rate", "速率"), BUCKETS),
            ]);
        } else {
            columns.extend([
                Column::left(lang.pick("Sub", "子协议"), 6),
                Column::right(messages.0, 5),
                Column::right(messages.1, 5),
                duration,
                close,
                Column::right("!", 3).close(),
            ]);
        }
        let url = table::rest(&columns, width.into()).saturating_sub(1).max(8);
        let title = match (wide && url > 22, lang) {
            (true, Lang::En) => "URL  (client → server)",
            (true, Lang::Zh) => "URL（客户端 → 服务器）",
            (false, _) => "URL",
        };
        columns.insert(2, Column::left(title, url));
        Self { columns, wide, url }
    }
}

impl Connections {
    fn cells(&self, ctx: &Ctx<'_>, id: u32, layout: &Layout, cursor: bool) -> Vec<Text> {
        let Some(row) = ctx.index.connection(id) else { return Vec::new() };
        let cell = |role, text: &str| Text::of(role, text);
        let count = |role, value, columns: usize| Text::of(role, units::count(value, columns + 1));
        let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
        let mut number = cell(Role::Title, if cursor { "▸" } else { " " });
        let digits = layout.columns.first().map_or(0, |column| column.width.saturating_sub(2));
        number.right(Role::Plain, &id.to_string(), digits);
        number.add(Role::Title, if ctx.shared.marks.contains(&(id, 0)) { "*" } else { " " });
        let (sign, role) = sign(row);
        let mut cells = vec![number, cell(role, sign), name(row, ctx.shared.lang, layout.url)];
        let subprotocol = match (&row.handshake.subprotocol, &row.handshake.response) {
            (Some(name), _) => name.as_str(),
            (None, None) => "?",
            (None, Some(_)) => "-",
        };
        let mut text = Text::new();
        text.captured(Role::Plain, subprotocol.as_bytes(), if layout.wide { 8 } else { 6 });
        cells.push(text);
        if layout.wide {
            cells.push(cell(Role::Plain, extensions(row)));
        }
        cells.push(count(Role::ClientToServer, c2s.messages, 5));
        cells.push(count(Role::ServerToClient, s2c.messages, if layout.wide { 6 } else { 5 }));
        if layout.wide {
            cells.push(cell(Role::ClientToServer, &units::short_size(row.app_bytes.c2s)));
            cells.push(cell(Role::ServerToClient, &units::short_size(row.app_bytes.s2c)));
        }
        cells.push(cell(Role::Plain, &duration(row).map(units::duration).unwrap_or_default()));
        let (ending, role) = ending(row, ctx.shared.lang);
        cells.push(cell(role, &ending));
        let [info, warning, error] = row.findings;
        let (findings, role) = match (error, warning, info) {
            (0, 0, 0) => (String::new(), Role::Plain),
            (0, 0, info) => (info.to_string(), Role::Note),
            (0, warning, _) => (warning.to_string(), Role::Warning),
            (error, ..) => (error.to_string(), Role::Error),
        };
        cells.push(cell(role, if findings.len() > 3 { "99+" } else { &findings }));
        if layout.wide && c2s.messages + s2c.messages > 0 {
            let end = row.closed.unwrap_or(row.last.time);
            let activity = ctx.index.activity(id, row.first.time, end, BUCKETS);
            cells.push(cell(Role::Plain, &bars::sparkline(&activity)));
        }
        if !ctx.shared.search.is_empty() {
            for cell in &mut cells {
                cell.highlight(&ctx.shared.search);
            }
        }
        cells
    }

    pub(super) fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let (theme, lang) = (ctx.theme(), ctx.shared.lang);
        let of = ctx.index.connections.len();
        let reading = ctx.shared.progress.state == Reading::Reading;
        let count = match (reading, self.rows.len()) {
            (true, _) => lang.pick(format!("{of} so far"), format!("目前 {of} 个")),
            (false, rows) => lang.pick(format!("{rows} of {of}"), format!("{rows} / {of}")),
        };
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let title = format!("{}{gap}{count}", ScreenId::Connections.info().name.of(lang));
        let mut pane = Pane::new(title, !self.below).scrolled(&self.list);
        let released = ctx.index.released.connections;
        if released > 0 {
            let released = units::grouped(released);
            let words =
                lang.pick(format!("{released} old ones released"), format!("已释放 {released} 个旧连接"));
            pane.title.add(Role::Warning, format!("{gap}{words}"));
        }
        if ctx.shared.is_wide() || self.order != SortOrder::FirstSeen || self.backwards {
            let way = if self.backwards { lang.pick(", reversed", "，反序") } else { "" };
            let only = if self.only_marked { lang.pick("only marked   ", "仅标记   ") } else { "" };
            pane =
                pane.right(format!("{only}{}{}{way}", lang.pick("sort: ", "排序："), self.order.words(lang)));
        }
        let inner = pane.draw(buffer, area, theme);
        if self.rows.is_empty() {
            let [above, below] = Split::vertical([Fill(1), Fill(1)]).areas(inner);
            empty(ctx, buffer, above, &summary::nothing(ctx));
            sealed::draw(ctx, below, buffer);
            return;
        }
        let layout = Layout::new(ctx, inner.width);
        self.list.draw_table(buffer, inner, theme, !self.below, &layout.columns, |at| {
            let id = self.rows.get(at).copied().unwrap_or(0);
            self.cells(ctx, id, &layout, at == self.list.cursor)
        });
        // The heading and an empty line are above and below the rows.
        let used = u16::try_from(self.list.visible().len() + 2).unwrap_or(u16::MAX);
        let [_, below] = Split::vertical([Length(used), Min(0)]).areas(inner);
        sealed::draw(ctx, below, buffer);
    }
}
