//! Blocks to text: one line per paragraph, lists and tables as Markdown writes them.

use crate::outline::{Block, Kind, Outline};

/// A cell longer than this is no figure or name: the table is there for its looks.
const LONG_CELL: u32 = 300;

/// The blocks that `keep` says, in order.
pub(crate) fn render(outline: &Outline, keep: impl Fn(usize) -> bool) -> String {
    let is_data = data_tables(outline);
    let table = |block: &Block| {
        let table = *outline.rows.get((block.row as usize).checked_sub(1)?)?;
        is_data[table as usize].then_some(table)
    };
    let kept: Vec<&Block> =
        outline.blocks.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, block)| block).collect();
    let bytes: usize = kept.iter().map(|block| (block.end - block.start) as usize + 2).sum();
    let mut text = String::with_capacity(bytes);
    let mut last: Option<&Block> = None;
    for block in kept {
        let in_table = table(block).is_some();
        let is_same_row = in_table && last.is_some_and(|last| last.row == block.row);
        if let Some(last) = last {
            if is_same_row {
                text.push_str(if last.column == block.column { " " } else { " | " });
            } else {
                if table(last).is_some() {
                    text.push_str(" |");
                }
                text.push('\n');
            }
        }
        if in_table && !is_same_row {
            text.push_str("| ");
        }
        block_text(outline, block, in_table, &mut text);
        last = Some(block);
    }
    if last.is_some_and(|last| table(last).is_some()) {
        text.push_str(" |");
    }
    text
}

fn block_text(outline: &Outline, block: &Block, in_table: bool, text: &mut String) {
    let content = outline.text_of(block);
    if in_table {
        // A cell is one line.
        for (at, line) in content.lines().enumerate() {
            text.push_str(if at > 0 { " " } else { "" });
            text.push_str(line.trim());
        }
        return;
    }
    if let Kind::Item(depth, number) = block.kind {
        text.extend(std::iter::repeat_n("  ", usize::from(depth)));
        if number > 0 {
            text.push_str(&number.to_string());
            text.push_str(". ");
        } else {
            text.push_str("- ");
        }
    }
    text.push_str(content);
}

/// Tables of short cells in rows; others lay out a page.
fn data_tables(outline: &Outline) -> Vec<bool> {
    #[derive(Clone, Copy, Default)]
    struct Seen {
        cells: u32,
        rows_of_many: u32,
        rows: u32,
        last: (u32, u16),
        is_layout: bool,
    }
    let mut seen = vec![Seen::default(); outline.tables.len()];
    for block in &outline.blocks {
        let Some(row) = (block.row as usize).checked_sub(1) else { continue };
        let table = &mut seen[outline.rows[row] as usize];
        let is_new_row = table.last.0 != block.row;
        if is_new_row {
            table.rows += 1;
        }
        if table.last != (block.row, block.column) {
            table.cells += 1;
            table.rows_of_many += u32::from(!is_new_row);
        }
        table.last = (block.row, block.column);
        table.is_layout |= block.weight > LONG_CELL || block.kind == Kind::Preformatted;
    }
    let tables = seen.iter().zip(&outline.tables);
    tables
        .map(|(seen, table)| {
            !table.has_table_inside && !seen.is_layout && seen.rows >= 2 && seen.rows_of_many >= seen.rows / 2
        })
        .collect()
}
