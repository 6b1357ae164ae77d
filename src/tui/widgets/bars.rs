//! Bars and sparklines in a line of text, drawn by ratatui.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::bar::ONE_EIGHTH;
use ratatui::widgets::{Gauge, Sparkline, Widget};

/// Returns the first row of what a widget draws into an area of this size.
fn first_row(widget: impl Widget, columns: usize, rows: u16) -> String {
    let columns = u16::try_from(columns).unwrap_or(u16::MAX);
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    widget.render(buffer.area, &mut buffer);
    buffer.content.iter().take(columns.into()).map(|cell| cell.symbol()).collect()
}

/// Returns a bar of which `part` of `whole` is filled, in eighths of a column; the full bar has `columns`.
#[must_use]
pub fn bar(part: u64, whole: u64, columns: usize) -> String {
    let all = columns as u128 * 8;
    let Some(eighths) = (u128::from(part.min(whole)) * all).checked_div(u128::from(whole)) else {
        return String::new();
    };
    let of_u32 = |value: u128| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    let ratio = if all == 0 { 0.0 } else { of_u32(eighths) / of_u32(all) };
    // The label is in the second row: it would leave a hole in the bar, even an empty one.
    let bar = first_row(Gauge::default().ratio(ratio).use_unicode(true).label(""), columns, 2);
    bar.trim_end().to_owned()
}

/// Returns a column for each value, as high as the value is compared to the highest one.
#[must_use]
pub fn sparkline(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or(0);
    // The smallest value is higher than none.
    let least = most.div_ceil(4);
    let values: Vec<Option<u64>> =
        values.iter().map(|value| (*value > 0).then(|| (*value).max(least))).collect();
    let columns = values.len();
    first_row(Sparkline::default().absent_value_symbol(ONE_EIGHTH).data(values), columns, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_part() {
        assert_eq!(bar(1, 2, 4), "██");
        assert_eq!(bar(3, 16, 4), "▊");
        assert_eq!(bar(9, 3, 2), "██");
        assert_eq!(bar(1, 0, 2), "");
        assert_eq!(bar(1, 2, 0), "");
    }

    #[test]
    fn columns_are_as_high_as_their_value() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), "▁▂▄█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[u64::MAX / 8]), "█");
    }
}
