//! Small pictures made of block characters.

/// A bar of `columns` that is filled to `part` of `whole`, in eighths of a column.
#[must_use]
pub fn bar(part: u64, whole: u64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if whole == 0 {
        return String::new();
    }
    let eighths = (u128::from(part.min(whole)) * columns as u128 * 8 / u128::from(whole)) as usize;
    let mut out = "█".repeat(eighths / 8);
    out.push_str(EIGHTHS.get(eighths % 8).copied().unwrap_or_default());
    out
}

/// A row of columns, each as high as its value against the highest.
#[must_use]
pub fn sparkline(values: &[u64]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0);
    let height = |value: &u64| {
        let at = (u128::from(*value) * 7).checked_div(u128::from(most)).unwrap_or(0);
        // Anything is more than nothing.
        let at = if *value > 0 { at.max(1) } else { 0 };
        HEIGHTS.get(at as usize).copied().unwrap_or('█')
    };
    values.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_their_size() {
        assert_eq!(bar(1, 2, 4), "██");
        assert_eq!(bar(3, 16, 4), "▊");
        assert_eq!(bar(9, 3, 2), "██");
        assert_eq!(bar(1, 0, 2), "");
        assert_eq!(sparkline(&[0, 1, 50, 100]), "▁▂▄█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[u64::MAX]), "█");
    }
}
