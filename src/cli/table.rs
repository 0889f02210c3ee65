//! Rows of text in columns.

use crate::text::escape;

/// One line per row, every column but the last as wide as its widest cell. What is invisible in a cell is written out.
pub(super) fn align<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.map(|row| row.map(|cell| escape(&cell).into_owned())).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::align;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "é", "x"], ["long", "b", ""]].map(|row| row.map(String::from));
        assert_eq!(align(rows.into_iter()), "a     é  x\nlong  b\n");
        let rows = [["\u{200f}\u{1b}[2J", "a\nb"], ["x", "y"]].map(|row| row.map(String::from));
        assert_eq!(align(rows.into_iter()), "\\u{200f}\\u{1b}[2J  a\\nb\nx                  y\n");
    }
}
