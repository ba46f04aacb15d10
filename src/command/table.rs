//! A table on the terminal: columns of equal width, a head, here and there a colour. What is in it has been made visible before.

use crate::terminal::{Colour, Terminal};

/// Prints a head and rows; `colour` says which one a cell has, by its row, from 0, and its column.
pub(super) fn print<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    colour: impl Fn(usize, usize) -> Option<Colour>,
    terminal: &mut Terminal<'_>,
) {
    let length = |cell: &str| cell.chars().count();
    let widest =
        |column: usize| rows.iter().map(|row| length(&row[column])).fold(length(head[column]), usize::max);
    let widths: [usize; N] = std::array::from_fn(widest);
    let mut line = |cells: [&str; N], colour: &dyn Fn(usize) -> Option<Colour>| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let pad = " ".repeat(widths[column] - length(cell));
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
    for (at, row) in rows.iter().enumerate() {
        line(row.each_ref().map(String::as_str), &|column| colour(at, column));
    }
}
