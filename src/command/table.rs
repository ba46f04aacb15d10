//! A table on the terminal: columns of equal width (in cells of the terminal: most characters of East Asia take two), a head, here
//! and there a colour. On a terminal that is too narrow, cells lose detail and then letters, so that no line wraps; a pipe gets
//! everything. What is in it has been made visible before.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::terminal::{Colour, Terminal};

/// Between two columns.
const GAP: usize = 2;

/// How much a row may say. Tried one after the other until a line fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// Without what is only pleasant to see.
    Plain,
    /// Only what is needed.
    Brief,
}

/// What a column does where the lines do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// It keeps its width.
    Whole,
    /// It loses its end, down to this width.
    End(usize),
    /// It loses its middle, down to this width: both ends say something.
    Middle(usize),
    /// It is not shown.
    Hidden,
}

/// Prints a head and so many rows, which are asked for several times: of ten thousand none is kept. `colour` says which one a cell
/// has, by its row, from 0, and its column.
pub(super) fn print<const N: usize>(
    head: [(&str, Column); N],
    count: usize,
    row: impl Fn(usize, Detail) -> [String; N],
    colour: impl Fn(usize, usize) -> Option<Colour>,
    terminal: &mut Terminal<'_>,
) {
    let natural = |detail: Detail| {
        let mut widths = head.map(|(title, column)| if column == Column::Hidden { 0 } else { title.width() });
        for cells in (0..count).map(|at| row(at, detail)) {
            for ((width, cell), (_, column)) in widths.iter_mut().zip(&cells).zip(head) {
                *width = if column == Column::Hidden { 0 } else { cell.width().max(*width) };
            }
        }
        widths
    };
    let room = terminal.capabilities.columns.unwrap_or(usize::MAX);
    let columns = head.map(|(_, column)| column);
    let (mut detail, mut widths) = (Detail::Full, natural(Detail::Full));
    for less in [Detail::Plain, Detail::Brief] {
        if total(&widths) > room {
            (detail, widths) = (less, natural(less));
        }
    }
    let widths = narrowed(widths, columns, room);
    let mut line = |cells: [&str; N], colour: &dyn Fn(usize) -> Option<Colour>| {
        let mut line = String::new();
        for (at, cell) in cells.into_iter().enumerate().filter(|(at, _)| widths[*at] > 0) {
            let cell = shortened(cell, widths[at], columns[at]);
            let pad = " ".repeat(widths[at].saturating_sub(cell.width()) + GAP);
            match colour(at) {
                Some(colour) => line.push_str(&terminal.paint(colour, &cell)),
                None => line.push_str(&cell),
            }
            line.push_str(&pad);
        }
        terminal.answer(line.trim_end());
    };
    line(head.map(|(title, _)| title), &|_| Some(Colour::Dim));
    for at in 0..count {
        line(row(at, detail).each_ref().map(String::as_str), &|column| colour(at, column));
    }
}

/// The width of a line.
fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Takes from the widest column that may lose something, until a line fits.
fn narrowed<const N: usize>(mut widths: [usize; N], columns: [Column; N], room: usize) -> [usize; N] {
    let mut excess = total(&widths).saturating_sub(room);
    while excess > 0 {
        let may_lose = |at: &usize| match columns[*at] {
            Column::End(least) | Column::Middle(least) => widths[*at] > least,
            Column::Whole | Column::Hidden => false,
        };
        let Some(widest) = (0..N).filter(may_lose).max_by_key(|at| widths[*at]) else { break };
        widths[widest] -= 1;
        excess -= 1;
    }
    widths
}

/// A cell in so many cells of the terminal, with a sign where something is missing.
fn shortened(cell: &str, width: usize, column: Column) -> Cow<'_, str> {
    if cell.width() <= width {
        return Cow::Borrowed(cell);
    }
    let room = width.saturating_sub(1);
    let front = if matches!(column, Column::Middle(_)) { room.div_ceil(2) } else { room };
    let front = fitting(cell.chars(), front);
    let rest = room - front.width();
    let back: String = match column {
        Column::Middle(_) => fitting(cell.chars().rev(), rest).chars().rev().collect(),
        _ => String::new(),
    };
    Cow::Owned(format!("{front}…{back}"))
}

/// As many characters as fit.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> String {
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken <= room
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Capabilities;

    fn printed(columns: Option<usize>, head: [(&str, Column); 3], rows: &[[&str; 3]]) -> Vec<String> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let capabilities = Capabilities { columns, ..Capabilities::default() };
        let mut terminal = Terminal { out: &mut out, err: &mut err, capabilities };
        let row = |at: usize, detail: Detail| {
            rows[at].map(|cell| if detail == Detail::Full { format!("{cell}!") } else { cell.to_owned() })
        };
        print(head, rows.len(), row, |_, _| None, &mut terminal);
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_table_loses_detail_before_letters_and_a_pipe_gets_everything() {
        let head = [("HOST", Column::Middle(6)), ("A", Column::End(3)), ("S", Column::Whole)];
        let rows = [["dev.azure.com/contoso", "alice", "active"], ["a.example", "bob", "refused"]];
        assert_eq!(
            printed(None, head, &rows)[1..],
            ["dev.azure.com/contoso!  alice!  active!", "a.example!              bob!    refused!"]
        );
        assert_eq!(printed(Some(40), head, &rows), printed(None, head, &rows));
        assert_eq!(printed(Some(37), head, &rows)[1], "dev.azure.com/contoso  alice  active");
        assert_eq!(
            printed(Some(28), head, &rows)[1..],
            ["dev.az…ntoso  alice  active", "a.example     bob    refused"]
        );
        // Below the least widths nothing can be done.
        assert_eq!(printed(Some(1), head, &rows)[1..], ["dev…so  al…  active", "a.e…le  bob  refused"]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_whatever_is_in_the_cells() {
        let head = [("HOST", Column::Middle(4)), ("A", Column::End(4)), ("N", Column::End(4))];
        for text in [
            "",
            "a",
            "日本語の組織のなまえ",
            "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
            "x".repeat(90).as_str(),
        ] {
            for room in 16..100 {
                for line in printed(Some(room), head, &[[text, "b", text], ["c", text, "日"]]) {
                    assert!(line.width() <= room, "{room}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_hidden_column_takes_no_room() {
        let head = [("HOST", Column::Whole), ("STORE", Column::Hidden), ("S", Column::Whole)];
        assert_eq!(printed(None, head, &[["a", "vault", "b"]]), ["HOST  S", "a!    b!"]);
    }
}
