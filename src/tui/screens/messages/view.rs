//! The list of messages or frames.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Kinds, Messages, MessagesPane, draw};
use crate::store::Reading;
use crate::tui::screens::empty;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, units};

impl Messages {
    pub(super) fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let (theme, lang) = (ctx.theme(), ctx.shared.lang);
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let noun =
            if self.frames_mode { lang.pick("Frames", "帧") } else { lang.pick("Messages", "消息") };
        let (shown, of) = (units::grouped(self.rows.count() as u64), units::grouped(self.rows.of() as u64));
        let mut pane = Pane::new(
            format!("{noun}{gap}{shown}{}{of}", lang.pick(" of ", " / ")),
            self.focus == MessagesPane::List,
        )
        .scrolled(&self.list);
        if self.is_running {
            pane.title = Text::of(Role::Title, noun);
            if let Some(connection) = ctx.connection() {
                pane.title.add(Role::Plain, format!("{gap}#{} ", connection.id));
                let room = usize::from(area.width / 2);
                pane.title.captured(Role::Plain, connection.name(ctx.shared.lang).as_bytes(), room);
            }
        } else if ctx.shared.progress.state == Reading::Reading {
            pane.title.add(Role::Title, lang.pick(" so far", "（目前）"));
        }
        let released = self.released(ctx.index);
        if released > 0 {
            let released = units::grouped(released as u64);
            let words = lang.pick(format!("rows 1-{released} released"), format!("已释放第 1-{released} 行"));
            pane.title.add(Role::Warning, format!("{gap}{words}"));
        }
        if let Some(direction) = self.direction {
            let arrow = draw::arrow(direction);
            pane.title
                .add(Role::Plain, gap)
                .add(Role::of_direction(direction), format!("{}{arrow}", lang.pick("only ", "仅 ")));
        }
        match self.kinds {
            Kinds::All => {}
            Kinds::Data => {
                _ = pane.title.add(Role::Title, format!("{gap}{}", lang.pick("only data", "仅数据")))
            }
            Kinds::Control => {
                _ = pane.title.add(Role::Title, format!("{gap}{}", lang.pick("only control", "仅控制帧")))
            }
        }
        if self.only_marked {
            pane.title.add(Role::Title, format!("{gap}{}", lang.pick("only marked", "仅标记")));
        }
        if self.is_running {
            let live = &ctx.shared.live;
            let follows = live.follow && !live.paused;
            pane.right.plainly(if follows {
                lang.pick("follow ON", "跟随：开")
            } else {
                lang.pick("follow OFF", "跟随：关")
            });
        } else if let Some(connection) = ctx.connection() {
            pane.right.plainly(format!("#{} ", connection.id));
            let path = connection.short_name(ctx.shared.lang);
            pane.right.captured(Role::Plain, path.as_bytes(), usize::from(area.width / 3));
        }
        let inner = pane.draw(buffer, area, theme);
        if inner.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            empty(ctx, buffer, inner, &self.nothing(ctx));
            return;
        }
        let columns = draw::Columns::new(lang, inner.width, self.rows.of(), self.frames_mode);
        let is_focused = self.focus == MessagesPane::List;
        self.list.draw_table(buffer, inner, theme, is_focused, &columns.all, |row| {
            let cursor = row == self.list.cursor;
            // The nearest row above that is no gap.
            let before = (row.saturating_sub(8)..row).rev().find_map(|row| self.rows.get(row));
            let mut cells = match (self.rows.hole(row), self.rows.get(row)) {
                (Some(hole), _) => columns.hole(ctx, hole, cursor),
                (None, Some(place)) if self.frames_mode => {
                    columns.frame(ctx, self.connection, place, before, cursor)
                }
                (None, Some(place)) => columns.message(ctx, self.connection, place, before, cursor),
                (None, None) => Vec::new(),
            };
            if !ctx.shared.search.is_empty() {
                for cell in &mut cells {
                    cell.highlight(&ctx.shared.search);
                }
            }
            cells
        });
    }

    /// Returns why no row is listed.
    fn nothing(&self, ctx: &Ctx<'_>) -> String {
        let lang = ctx.shared.lang;
        if self.rows.is_busy() {
            return lang.pick("filtering…", "正在过滤…").to_owned();
        }
        if self.rows.of() == 0 {
            return match ctx.connection() {
                Some(row) if !row.handshake.upgraded => lang.pick(
                    "this connection never opened: 2 shows its handshake, 7 shows why",
                    "此连接从未打开：2 显示握手，7 显示原因",
                ),
                _ if self.is_running => lang.pick("no message yet", "还没有消息"),
                _ if ctx.shared.progress.state != Reading::Done => {
                    lang.pick("no message has been read yet", "还没有读到消息")
                }
                _ => lang.pick("no message was captured", "未抓到消息"),
            }
            .to_owned();
        }
        if let Some(scan) = &self.scan {
            return lang.pick(
                format!("searching payloads… {} %", scan.percent),
                format!("正在搜索载荷… {} %", scan.percent),
            );
        }
        lang.pick(
            "no message matches; f changes the filter, Ctrl-f clears it; d, o and M choose by direction, type and mark",
            "没有匹配的消息；f 修改过滤器，Ctrl-f 清除过滤器；d、o、M 按方向、类型和标记选择",
        )
        .to_owned()
    }
}
