//! A picture of what a terminal shows.

use std::fmt::Write as _;

/// Size of a character cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 18.0;

/// `text`, with its colours, as it looks on a terminal of `columns` columns.
pub fn svg(text: &str, columns: u16) -> String {
    let rows = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
    let mut terminal = vt100::Parser::new(rows.max(1), columns, 0);
    terminal.process(text.trim_end().replace('\n', "\r\n").as_bytes());
    let screen = terminal.screen();
    let (width, height) = (f64::from(columns) * CELL.0 + 2.0 * MARGIN, f64::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"14\" fill=\"#d6deeb\">\n\
         <title>The demo of source-awin</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#011627\"/>\n"
    );
    for row in 0..rows {
        // Cells of one style stand together; what is empty is left out.
        let mut runs: Vec<(u16, &'static str, bool, String)> = Vec::new();
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column).filter(|cell| cell.has_contents()) else { continue };
            let (fill, bold) = (fill(cell), cell.bold());
            match runs.last_mut() {
                Some((from, known, is_bold, run))
                    if (*known, *is_bold) == (fill, bold) && usize::from(column - *from) == run.chars().count() =>
                {
                    run.push_str(cell.contents());
                }
                _ => runs.push((column, fill, bold, cell.contents().to_owned())),
            }
        }
        for (column, fill, bold, run) in runs.into_iter().filter(|(.., run)| !run.trim().is_empty()) {
            let (x, y) = (MARGIN + f64::from(column) * CELL.0, MARGIN + (f64::from(row) + 0.75) * CELL.1);
            let weight = if bold { " font-weight=\"bold\"" } else { "" };
            let run = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" xml:space=\"preserve\"{fill}{weight}>{run}</text>");
        }
    }
    svg + "</svg>\n"
}

fn fill(cell: &vt100::Cell) -> &'static str {
    match cell.fgcolor() {
        vt100::Color::Idx(1) => " fill=\"#ff6b6b\"",
        vt100::Color::Idx(2) => " fill=\"#7fdb8a\"",
        vt100::Color::Idx(3) => " fill=\"#ffcb6b\"",
        vt100::Color::Idx(6) => " fill=\"#7fdbff\"",
        _ if cell.dim() => " fill=\"#8093a6\"",
        _ => "",
    }
}
