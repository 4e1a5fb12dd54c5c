//! Draws `docs/freshness.svg` from `docs/freshness.tsv`: how right a report is over nine months of daily syncs, by the rule that
//! says which days are read again. A test fails while the picture is not what this program draws.
//!
//! `cargo run --example freshness`

use std::fmt::Write as _;
use std::path::Path;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
/// Of a panel, without its labels.
const PANEL: (f64, f64) = (290.0, 190.0);
const TOP: f64 = 70.0;
/// Left edge of each panel.
const LEFT: [f64; 2] = [60.0, 470.0];
const DAYS: f64 = 273.0;
const TITLES: [&str; 2] = ["Stale rows of stats_by_publisher", "Approved commission in it, of the truth"];
/// Names in the data, and those in the picture.
const RULES: [(&str, &str); 3] =
    [("look-back", "fixed look-back, 28 days"), ("ladder", "ladder alone"), ("finder", "ladder and finder")];

const STYLE: &str = "\
.ground{fill:#f8fafc;stroke:#cbd5e1}.text{fill:#0f172a}.faint{fill:#64748b}.grid{stroke:#e2e8f0}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.c0{stroke:#d97706}.c1{stroke:#2563eb}.c2{stroke:#059669}\
@media (prefers-color-scheme:dark){\
.ground{fill:#0f172a;stroke:#334155}.text{fill:#e2e8f0}.faint{fill:#94a3b8}.grid{stroke:#334155}\
.c0{stroke:#fbbf24}.c1{stroke:#60a5fa}.c2{stroke:#34d399}}\
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
.title{font-size:14px;font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}";

/// A look at the table after a sync.
struct Look<'t> {
    rule: &'t str,
    day: f64,
    /// Stale rows, then commission, both in per cent.
    per_cent: [f64; 2],
}

fn looks(data: &str) -> Vec<Look<'_>> {
    let lines = data.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.filter_map(parsed).collect()
}

fn parsed(line: &str) -> Option<Look<'_>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Look { rule: fields.first()?, day: number(1)?, per_cent: [number(2)?, number(4)?] })
}

/// The picture of `data`.
pub fn svg(data: &str) -> String {
    let looks = looks(data);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Freshness of a report over nine months\">\n<style>{STYLE}</style>\n<rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1.0,
        HEIGHT - 1.0
    );
    for (panel, (left, title)) in LEFT.into_iter().zip(TITLES).enumerate() {
        draw_axes(&mut svg, left, title);
        for (colour, (rule, _)) in RULES.iter().enumerate() {
            let points: Vec<String> = looks
                .iter()
                // Of the first sync there is nothing to say yet.
                .filter(|look| look.rule == *rule && look.day > 0.0)
                .map(|look| {
                    let x = left + PANEL.0 * look.day / DAYS;
                    let y = TOP + PANEL.1 * (1.0 - look.per_cent[panel] / 100.0);
                    format!("{x:.1},{y:.1}")
                })
                .collect();
            let _ = writeln!(svg, "<polyline class=\"line c{colour}\" points=\"{}\"/>", points.join(" "));
        }
    }
    for (colour, ((_, name), x)) in RULES.iter().zip([60.0, 290.0, 440.0]).enumerate() {
        let y = HEIGHT - 22.0;
        let _ = writeln!(
            svg,
            "<path class=\"line c{colour}\" d=\"M{x} {}h24\"/><text class=\"text\" x=\"{}\" y=\"{y}\">{name}</text>",
            y - 4.0,
            x + 32.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_axes(svg: &mut String, left: f64, title: &str) {
    let _ = writeln!(svg, "<text class=\"text title\" x=\"{left}\" y=\"{}\">{title}</text>", TOP - 28.0);
    for per_cent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = TOP + PANEL.1 * (1.0 - per_cent / 100.0);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{left} {y:.1}h{}\"/><text class=\"faint end\" x=\"{}\" y=\"{:.1}\">{per_cent} %</text>",
            PANEL.0,
            left - 8.0,
            y + 4.0
        );
    }
    for month in 0..=9_u8 {
        let x = left + PANEL.0 * f64::from(month) / 9.0;
        let label = if month == 0 { "start".to_owned() } else { month.to_string() };
        let _ = writeln!(svg, "<text class=\"faint middle\" x=\"{x:.1}\" y=\"{}\">{label}</text>", TOP + PANEL.1 + 18.0);
    }
    let end = left + PANEL.0 + 12.0;
    let _ = writeln!(svg, "<text class=\"faint\" x=\"{end}\" y=\"{}\">months</text>", TOP + PANEL.1 + 18.0);
}

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let data = std::fs::read_to_string(docs.join("freshness.tsv"))?;
    std::fs::write(docs.join("freshness.svg"), svg(&data))
}
