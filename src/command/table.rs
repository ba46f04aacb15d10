//! A table on the terminal: columns of equal width (in cells of the terminal: most characters of East Asia take two), a head, here
//! and there a colour. What is in it has been made visible before.

use unicode_width::UnicodeWidthStr;

use crate::terminal::{Colour, Terminal};

/// Prints a head and so many rows, which are asked for twice: of ten thousand none is kept. `colour` says which one a cell has, by its
/// row, from 0, and its column.
pub(super) fn print<const N: usize>(
    head: [&str; N],
    count: usize,
    row: impl Fn(usize) -> [String; N],
    colour: impl Fn(usize, usize) -> Option<Colour>,
    terminal: &mut Terminal<'_>,
) {
    let mut widths = head.map(UnicodeWidthStr::width);
    for cells in (0..count).map(&row) {
        for (width, cell) in widths.iter_mut().zip(&cells) {
            *width = cell.width().max(*width);
        }
    }
    let mut line = |cells: [&str; N], colour: &dyn Fn(usize) -> Option<Colour>| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.width());
            match colour(column) {
                Some(colour) => line.push_str(&terminal.paint(colour, cell)),
                None => line.push_str(cell),
            }
            line.push_str(&pad);
            line.push_str("  ");
        }
        terminal.answer(line.trim_end());
    };
    line(head, &|_| Some(Colour::Dim));
    for at in 0..count {
        line(row(at).each_ref().map(String::as_str), &|column| colour(at, column));
    }
}
