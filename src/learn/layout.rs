//! Lines of a lesson: paragraphs are wrapped, tables keep their lines.

use crate::model::{join_line, wrap};

/// Returns the lines of a step's text, wrapped to `columns` columns.
#[must_use]
pub fn flow(lines: &[String], columns: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut paragraph = String::new();
    let end = |paragraph: &mut String, out: &mut Vec<String>| {
        if !paragraph.is_empty() {
            out.extend(wrap(&std::mem::take(paragraph), columns));
        }
    };
    for line in lines {
        if line.starts_with(' ') || line.is_empty() {
            end(&mut paragraph, &mut out);
            out.push(line.clone());
        } else {
            join_line(&mut paragraph, line.trim_end());
        }
    }
    end(&mut paragraph, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_joined_and_tables_kept() {
        let lines: Vec<String> = ["one", "two", "  a  b", "", "三", "四"].map(str::to_owned).to_vec();
        assert_eq!(flow(&lines, 40), ["one two", "  a  b", "", "三四"]);
    }
}
