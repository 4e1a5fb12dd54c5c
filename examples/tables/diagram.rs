//! The tables and their joins as a picture: plain SVG text, safe on light and dark pages.
//!
//! Tables stand in columns with gutters between them. All joins that lead to one table share a colour and, in each gutter, a
//! lane; where a join leaves its lane it bends, where it crosses another it goes straight on. Joins that skip a column take
//! the rail above the tables.
//!
//! Placing and drawing share every coordinate; that makes this file long.

use std::fmt::Write as _;

use source_awin::protocol::AirbyteStream;
use source_awin::streams::joins::{JOINS, Join};
use source_awin::streams::{AccountKind, discover, find};

use super::columns::columns;

/// Which table stands where. The legend stands below the first column.
const COLUMNS: [&[&str]; 3] = [
    &["accounts", "publishers", "billing_documents", "prepayment_changes"],
    &["transactions", "stats_by_publisher", "stats_by_campaign", "stats_by_creative", "stats_by_advertiser", "partnerships"],
    &[
        "payments",
        "payment_breakdowns",
        "transaction_queries",
        "commission_groups",
        "programmes",
        "programme_details",
        "commission_rates",
        "offers",
    ],
];

const MARGIN: i32 = 20;
/// Above the tables, for the rail.
const TOP: i32 = 40;
const RAIL: i32 = 20;
const HEADER: i32 = 30;
const ROW: i32 = 20;
const FOOTER: i32 = 22;
/// Least space between two tables of a column. Tables start on a grid of rows.
const GAP: i32 = ROW;
const LANE: i32 = 14;
/// From a table to the nearest lane: room for the mark at the end of a line and a bend.
const SHOULDER: i32 = 26;
const RADIUS: i32 = 8;
/// Where the names of the columns begin, behind the tags.
const INDENT: i32 = 48;
/// Lines of the legend, and the height of one.
const LEGEND: [&str; 10] = [
    "primary key",
    "cursor",
    "joins another table",
    "advertiser accounts",
    "publisher accounts",
    "many rows to one",
    "inferred join",
    "All tables have accountId:",
    "it joins accounts, and",
    "belongs to each join.",
];

/// The columns of money and counts that people look for first; the picture shows them beside keys and joins.
const FIRST_ASKED: &[(&str, &[&str])] = &[
    ("accounts", &["accountName", "accountType"]),
    ("publishers", &["name"]),
    ("programmes", &["name"]),
    ("transactions", &["commissionStatus", "saleAmount", "commissionAmount", "networkFee"]),
    ("transaction_queries", &["enquiryStatus", "commissionAmount"]),
    ("stats_by_publisher", &["clicks", "totalNo", "totalValue", "totalComm", "currency"]),
    ("stats_by_creative", &["clicks", "totalNo", "totalValue", "totalComm", "currency"]),
    ("stats_by_advertiser", &["clicks", "totalNo", "totalValue", "totalComm", "currency"]),
    ("stats_by_campaign", &["totals"]),
    ("commission_groups", &["percentage", "amount", "currency"]),
];
const LEGEND_ROW: i32 = 21;

/// Colours on light and on dark pages. The picture brings its own ground, so that it is readable wherever it stands.
const STYLE: &str = "\
.ground{fill:#f8fafc;stroke:#cbd5e1}.table{fill:#fff;stroke:#94a3b8}.head{fill:#334155}.name{fill:#fff}.text{fill:#0f172a}\
.faint{fill:#64748b}.rule{stroke:#e2e8f0}.key{fill:#0f172a}.on{fill:#fff}.tag{fill:none;stroke:#94a3b8}.over{stroke:#f8fafc}\
.c0{stroke:#64748b}.c1{stroke:#2563eb}.c2{stroke:#059669}.c3{stroke:#d97706}.c4{stroke:#9333ea}\
.c5{stroke:#e11d48}.c6{stroke:#0891b2}\
.h0{fill:#64748b}.h1{fill:#2563eb}.h2{fill:#059669}.h3{fill:#d97706}.h4{fill:#9333ea}\
.h5{fill:#e11d48}.h6{fill:#0891b2}\
.badge{fill:#fff;fill-opacity:.22}\
@media (prefers-color-scheme:dark){\
.ground{fill:#0f172a;stroke:#334155}.table{fill:#1e293b;stroke:#475569}.head{fill:#475569}.text{fill:#e2e8f0}\
.faint{fill:#94a3b8}.rule{stroke:#334155}.key{fill:#e2e8f0}.on{fill:#0f172a}.tag{stroke:#64748b}.over{stroke:#0f172a}\
.c0{stroke:#94a3b8}.c1{stroke:#60a5fa}.c2{stroke:#34d399}.c3{stroke:#fbbf24}.c4{stroke:#c084fc}\
.c5{stroke:#fb7185}.c6{stroke:#22d3ee}\
.h0{fill:#64748b}.h1{fill:#1d4ed8}.h2{fill:#047857}.h3{fill:#b45309}.h4{fill:#7e22ce}\
.h5{fill:#be123c}.h6{fill:#0e7490}}\
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.name{font-size:13px;font-weight:bold}.small{font-size:11px}.pill{font-size:9px;font-weight:bold;text-anchor:middle}\
.end{text-anchor:end}.line,.over{fill:none}.line{stroke-width:2}.over{stroke-width:6}.guess{stroke-dasharray:5 4}";

/// The picture.
pub fn svg() -> String {
    Diagram::new().draw()
}

struct Table {
    entry: AirbyteStream,
    column: usize,
    y: i32,
    rows: Vec<Row>,
    /// Columns that are not shown.
    others: usize,
}

struct Row {
    /// The column; for the list that holds a column shown below it, the list.
    path: String,
    label: String,
    kind: String,
    tag: Option<Tag>,
}

#[derive(Clone, Copy, PartialEq)]
enum Tag {
    Key,
    Cursor,
    Join,
}

/// Where a line meets a table.
#[derive(Clone, Copy)]
struct Terminal {
    gutter: usize,
    /// Whether the table is on the left of the gutter.
    on_left: bool,
    y: i32,
}

/// All joins that lead to one table.
struct Net {
    to: &'static str,
    end: Terminal,
    starts: Vec<(Terminal, &'static Join)>,
}

struct Diagram {
    tables: Vec<Table>,
    nets: Vec<Net>,
    /// Nets of each gutter, from left to right.
    lanes: Vec<Vec<usize>>,
    /// Left and right end of each column.
    columns: Vec<(i32, i32)>,
    legend_y: i32,
    height: i32,
}

impl Diagram {
    fn new() -> Self {
        let mut tables = Vec::new();
        let catalog = discover();
        for (column, names) in COLUMNS.iter().enumerate() {
            for name in *names {
                let entry = catalog.streams.iter().find(|entry| entry.name == *name).expect("the layout names streams");
                tables.push(Table::new(entry.clone(), column));
            }
        }
        assert_eq!(tables.len(), catalog.streams.len(), "a stream has no place in the layout");

        let heights = |column: usize| {
            let tables = tables.iter().filter(|table| table.column == column).map(Table::height);
            let legend = LEGEND_ROW * int(LEGEND.len()) + 16;
            tables.chain((column == 0).then_some(legend)).map(|height| (height + ROW - 1) / ROW * ROW).collect::<Vec<_>>()
        };
        let all: Vec<Vec<i32>> = (0..COLUMNS.len()).map(heights).collect();
        let inner = all.iter().map(|heights| heights.iter().sum::<i32>() + GAP * int(heights.len() - 1)).max().unwrap_or(0);
        let mut places: Vec<_> = all.iter().enumerate().map(|(column, heights)| spread(heights, inner, column)).collect();
        let legend_y = places[0].pop().expect("the legend is the last of its column");
        for (table, y) in tables.iter_mut().zip(places.into_iter().flatten()) {
            table.y = y;
        }

        let nets = nets(&tables);
        let lanes: Vec<Vec<usize>> = (0..COLUMNS.len() - 1).map(|gutter| order(&nets, gutter)).collect();
        let mut columns = Vec::new();
        let mut x = MARGIN;
        for column in 0..COLUMNS.len() {
            let width = tables.iter().filter(|table| table.column == column).map(Table::width).max().unwrap_or(0);
            columns.push((x, x + width));
            x += width + lanes.get(column).map_or(0, |lanes| 2 * SHOULDER + LANE * (int(lanes.len()) - 1));
        }
        Self { tables, nets, lanes, columns, legend_y, height: TOP + inner + ROW / 2 + MARGIN }
    }

    /// The horizontal place of a net's lane in a gutter.
    fn lane(&self, net: usize, gutter: usize) -> i32 {
        let lane = self.lanes[gutter].iter().position(|other| *other == net).expect("a net has a lane where it goes");
        self.columns[gutter].1 + SHOULDER + LANE * int(lane)
    }

    fn edge(&self, terminal: Terminal) -> i32 {
        if terminal.on_left { self.columns[terminal.gutter].1 } else { self.columns[terminal.gutter + 1].0 }
    }

    /// The corners of a join's line.
    fn route(&self, net: usize, start: Terminal) -> Vec<(i32, i32)> {
        let end = self.nets[net].end;
        let mut points = vec![(self.edge(start), start.y)];
        let x = self.lane(net, start.gutter);
        if start.gutter == end.gutter {
            points.extend([(x, start.y), (x, end.y)]);
        } else {
            let home = self.lane(net, end.gutter);
            points.extend([(x, start.y), (x, RAIL), (home, RAIL), (home, end.y)]);
        }
        points.push((self.edge(end), end.y));
        points.dedup();
        points
    }

    fn draw(&self) -> String {
        let (width, height) = (self.columns[COLUMNS.len() - 1].1 + MARGIN, self.height);
        let mut svg = String::new();
        let out = &mut svg;
        put(
            out,
            format_args!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title about">
<!-- Written by the example program `tables`. Do not edit: a test compares. -->
<title id="title">Tables of source-awin and their joins</title>
<desc id="about">{}</desc>
<style>{STYLE}</style>
<rect class="ground" x="0.5" y="0.5" width="{}" height="{}" rx="10"/>"#,
                JOINS.iter().map(condition).collect::<Vec<_>>().join("; "),
                width - 1,
                height - 1
            ),
        );
        for net in 0..self.nets.len() {
            self.draw_net(out, net);
        }
        for table in &self.tables {
            self.draw_table(out, table);
        }
        self.draw_legend(out);
        put(out, format_args!("</svg>"));
        svg
    }

    fn draw_net(&self, out: &mut String, net: usize) {
        let Net { end, starts, .. } = &self.nets[net];
        // The first colour is the legend's.
        let colour = net + 1;
        let lines: Vec<_> = starts.iter().map(|(start, join)| (path(&self.route(net, *start)), start, join)).collect();
        // The ground shows on both sides of a line that passes over another.
        for (line, ..) in &lines {
            put(out, format_args!(r#"<path class="over" d="{line}"/>"#));
        }
        for (line, start, join) in &lines {
            let guess = if join.inferred.is_some() { " guess" } else { "" };
            put(out, format_args!(r#"<path class="line c{colour}{guess}" d="{line}"><title>{}</title></path>"#, condition(join)));
            let mark = if join.is_one_to_one() { bar(self.edge(**start), **start) } else { foot(self.edge(**start), **start) };
            put(out, format_args!(r#"<path class="line c{colour}" d="{mark}"/>"#));
        }
        put(out, format_args!(r#"<path class="line c{colour}" d="{}"/>"#, bar(self.edge(*end), *end)));
    }

    fn draw_table(&self, out: &mut String, table: &Table) {
        let (left, right) = self.columns[table.column];
        let (top, width, height) = (table.y, right - left, table.height());
        let name = &table.entry.name;
        let head = self.nets.iter().position(|net| net.to == name).map_or("head".to_owned(), |net| format!("h{}", net + 1));
        put(out, format_args!(r#"<rect class="table" x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>"#));
        put(
            out,
            format_args!(
                r#"<path class="{head}" d="M{left} {}v-{}q0 -6 6 -6h{}q6 0 6 6v{}z"/>"#,
                top + HEADER,
                HEADER - 6,
                width - 12,
                HEADER - 6
            ),
        );
        put(out, format_args!(r#"<text class="name" x="{}" y="{}">{name}</text>"#, left + 10, top + 20));
        let sides = find(name).map_or(&[][..], |stream| stream.sides);
        for (i, side) in sides.iter().rev().enumerate() {
            badge(out, *side, right - 17 - 21 * int(i), top + HEADER / 2, "badge", "name");
        }
        for (i, row) in table.rows.iter().enumerate() {
            let y = top + HEADER + ROW * int(i);
            if i > 0 {
                put(out, format_args!(r#"<path class="rule" d="M{} {y}H{}"/>"#, left + 1, right - 1));
            }
            if let Some(tag) = row.tag {
                pill(out, tag, left + 8, y + 4);
            }
            let depth = if row.path.contains("[].") { 12 } else { 0 };
            put(out, format_args!(r#"<text class="text" x="{}" y="{}">{}</text>"#, left + INDENT + depth, y + 14, row.label));
            put(out, format_args!(r#"<text class="faint small end" x="{}" y="{}">{}</text>"#, right - 8, y + 14, row.kind));
        }
        let y = top + height - FOOTER;
        put(out, format_args!(r#"<path class="rule" d="M{} {y}H{}"/>"#, left + 1, right - 1));
        let text = format!("and {} more columns", table.others);
        put(out, format_args!(r#"<text class="faint small" x="{}" y="{}">{text}</text>"#, left + INDENT, y + 15));
    }

    fn draw_legend(&self, out: &mut String) {
        let x = self.columns[0].0;
        for (i, text) in LEGEND.iter().enumerate() {
            let y = self.legend_y + 8 + LEGEND_ROW * int(i);
            let middle = y + 6;
            let here = Terminal { gutter: 0, on_left: true, y: middle };
            let mut indent = INDENT;
            match i {
                0 => pill(out, Tag::Key, x + 8, y),
                1 => pill(out, Tag::Cursor, x + 8, y),
                2 => pill(out, Tag::Join, x + 8, y),
                3 => badge(out, AccountKind::Advertiser, x + 23, middle, "h0", "name"),
                4 => badge(out, AccountKind::Publisher, x + 23, middle, "h0", "name"),
                5 => {
                    let (foot, bar) = (foot(x + 6, here), bar(x + 40, Terminal { on_left: false, ..here }));
                    put(out, format_args!(r#"<path class="line c0" d="M{} {middle}H{} {foot} {bar}"/>"#, x + 6, x + 40));
                }
                6 => put(out, format_args!(r#"<path class="line c0 guess" d="M{} {middle}H{}"/>"#, x + 6, x + 40)),
                _ => indent = 6,
            }
            put(out, format_args!(r#"<text class="faint small" x="{}" y="{}">{text}</text>"#, x + indent, y + 10));
        }
    }
}

impl Table {
    fn new(entry: AirbyteStream, column: usize) -> Self {
        let all = columns(&entry.json_schema);
        let key: Vec<_> = entry.source_defined_primary_key.iter().flatten().map(|path| path.join(".")).collect();
        let cursor: Vec<_> = entry.default_cursor_field.iter().map(|path| path.join(".")).collect();
        let partner = JOINS.iter().find(|join| join.to == entry.name).map(|join| join.on[0].1.to_owned());
        let joined = drawn().filter(|join| join.from == entry.name).map(|join| join.on[0].0.to_owned());
        let asked = FIRST_ASKED.iter().filter(|(stream, _)| *stream == entry.name).flat_map(|(_, columns)| *columns);
        let tagged = key.into_iter().map(|path| (path, Some(Tag::Key)));
        let tagged = tagged.chain(partner.map(|path| (path, None)));
        let tagged = tagged.chain(cursor.into_iter().map(|path| (path, Some(Tag::Cursor))));
        let mut rows: Vec<Row> = Vec::new();
        let tagged = tagged.chain(joined.map(|path| (path, Some(Tag::Join))));
        for (path, tag) in tagged.chain(asked.map(|path| ((*path).to_owned(), None))) {
            let row = |path: &str, label: &str, tag| {
                let found = all.iter().find(|column| column.path == path.trim_end_matches("[]"));
                let kind = &found.unwrap_or_else(|| panic!("{} has no {path}", entry.name)).kind;
                // Too long for a picture; the difference to other stamps is none here.
                let kind = kind.replace("timestamp_without_timezone", "timestamp").replace("array of object", "array");
                Row { path: path.to_owned(), label: label.to_owned(), kind, tag }
            };
            if rows.iter().any(|row| row.path == path) {
                continue;
            }
            if let Some((list, name)) = path.rsplit_once('.') {
                rows.push(row(list, list, None));
                rows.push(row(&path, name, tag));
            } else {
                rows.push(row(&path, &path, tag));
            }
        }
        let shown = rows.iter().filter(|row| !row.path.contains('.')).count();
        let others = all.iter().filter(|column| !column.path.contains('.')).count() - shown;
        Self { entry, column, y: 0, rows, others }
    }

    fn height(&self) -> i32 {
        HEADER + ROW * int(self.rows.len()) + FOOTER
    }

    /// Wide enough for all texts: a character of the font is about 0.6 of its size wide.
    fn width(&self) -> i32 {
        let row = |row: &Row| INDENT + (int(row.label.len()) * 72 + int(row.kind.len()) * 66) / 10 + 24;
        let head = int(self.entry.name.len()) * 78 / 10 + 68;
        self.rows.iter().map(row).max().unwrap_or(0).max(head)
    }

    /// The middle of a column's row.
    fn row_y(&self, path: &str) -> i32 {
        let row = self.rows.iter().position(|row| row.path == path).expect("the columns of joins are shown");
        self.y + HEADER + ROW * int(row) + ROW / 2
    }

    /// Where a line to or from `path` leaves, if it goes to the column of tables `towards`.
    fn terminal(&self, path: &str, towards: usize) -> Terminal {
        let on_left = towards > self.column || self.column == 0;
        let gutter = if on_left { self.column } else { self.column - 1 };
        Terminal { gutter, on_left, y: self.row_y(path) }
    }
}

/// Places things of these heights below each other, over the whole height. Neighbouring columns stand half a row apart, so
/// that no line from the left meets the end of one from the right.
fn spread(heights: &[i32], inner: i32, column: usize) -> Vec<i32> {
    let free = inner - heights.iter().sum::<i32>();
    let gaps = int(heights.len().max(2) - 1);
    let mut above = 0;
    let place = |(i, height): (usize, &i32)| {
        let y = above + free * int(i) / gaps;
        above += height;
        let half = if column.is_multiple_of(2) { 0 } else { ROW / 2 };
        TOP + y / ROW * ROW + half
    };
    heights.iter().enumerate().map(place).collect()
}

/// The joins that have a line: ten more to `accounts` would say nothing that the legend does not say.
fn drawn() -> impl Iterator<Item = &'static Join> {
    JOINS.iter().filter(|join| join.to != "accounts")
}

fn nets(tables: &[Table]) -> Vec<Net> {
    let table = |name: &str| tables.iter().find(|table| table.entry.name == name).expect("joins name streams");
    let mut nets: Vec<Net> = Vec::new();
    for join in drawn() {
        let (from, to) = (table(join.from), table(join.to));
        let start = from.terminal(join.on[0].0, to.column);
        if let Some(net) = nets.iter_mut().find(|net| net.to == join.to) {
            net.starts.push((start, join));
        } else {
            nets.push(Net { to: join.to, end: to.terminal(join.on[0].1, to.column), starts: vec![(start, join)] });
        }
    }
    nets
}

impl Net {
    fn terminals(&self) -> impl Iterator<Item = Terminal> {
        self.starts.iter().map(|(start, _)| *start).chain([self.end])
    }

    /// From where to where its lane goes in a gutter.
    fn stretch(&self, gutter: usize) -> Option<(i32, i32)> {
        let here = || self.terminals().filter(|terminal| terminal.gutter == gutter).map(|terminal| terminal.y);
        let is_wide = self.terminals().any(|terminal| terminal.gutter != gutter);
        let top = here().min()?;
        Some((if is_wide { RAIL } else { top }, here().max()?))
    }
}

/// The nets of a gutter in the order in which the fewest lines cross.
fn order(nets: &[Net], gutter: usize) -> Vec<usize> {
    let here: Vec<usize> = (0..nets.len()).filter(|net| nets[*net].stretch(gutter).is_some()).collect();
    let crossings = |lanes: &[usize]| {
        let mut count = 0;
        for (i, net) in lanes.iter().enumerate() {
            for terminal in nets[*net].terminals().filter(|terminal| terminal.gutter == gutter) {
                let between = if terminal.on_left { &lanes[..i] } else { &lanes[i + 1..] };
                let stretches = between.iter().filter_map(|other| nets[*other].stretch(gutter));
                count += stretches.filter(|(top, bottom)| *top < terminal.y && terminal.y < *bottom).count();
            }
        }
        count
    };
    orders(&here).into_iter().min_by_key(|lanes| crossings(lanes)).unwrap_or_default()
}

fn orders(items: &[usize]) -> Vec<Vec<usize>> {
    let Some((first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, *first);
            order
        })
    };
    orders(rest).into_iter().flat_map(insert).collect()
}

/// A line with round corners.
fn path(points: &[(i32, i32)]) -> String {
    let (first, last) = (points[0], points[points.len() - 1]);
    let mut path = format!("M{} {}", first.0, first.1);
    for corner in points.windows(3) {
        let [before, at, after] = [corner[0], corner[1], corner[2]];
        let towards = |to: (i32, i32)| {
            let (dx, dy) = (to.0 - at.0, to.1 - at.1);
            let length = dx.abs().max(dy.abs());
            let radius = RADIUS.min(length / 2);
            (at.0 + dx.signum() * radius, at.1 + dy.signum() * radius)
        };
        let (from, to) = (towards(before), towards(after));
        let _ = write!(path, "L{} {}Q{} {} {} {}", from.0, from.1, at.0, at.1, to.0, to.1);
    }
    let _ = write!(path, "L{} {}", last.0, last.1);
    path
}

/// The mark of the one row at the end of a line.
fn bar(edge: i32, terminal: Terminal) -> String {
    let x = if terminal.on_left { edge + 8 } else { edge - 8 };
    format!("M{x} {}v10", terminal.y - 5)
}

/// The mark of the many rows.
fn foot(edge: i32, terminal: Terminal) -> String {
    let x = if terminal.on_left { edge + 10 } else { edge - 10 };
    format!("M{edge} {}L{x} {}L{edge} {}", terminal.y - 5, terminal.y, terminal.y + 5)
}

fn pill(out: &mut String, tag: Tag, x: i32, y: i32) {
    let (text, ground, ink) = match tag {
        Tag::Key => ("KEY", "key", "on"),
        Tag::Cursor => ("CUR", "tag", "faint"),
        Tag::Join => ("JOIN", "tag", "faint"),
    };
    put(out, format_args!(r#"<rect class="{ground}" x="{x}" y="{y}" width="30" height="13" rx="3"/>"#));
    put(out, format_args!(r#"<text class="pill {ink}" x="{}" y="{}">{text}</text>"#, x + 15, y + 10));
}

fn badge(out: &mut String, side: AccountKind, x: i32, y: i32, ground: &str, ink: &str) {
    let letter = match side {
        AccountKind::Advertiser => 'A',
        AccountKind::Publisher => 'P',
    };
    put(out, format_args!(r#"<circle class="{ground}" cx="{x}" cy="{y}" r="9"/>"#));
    put(out, format_args!(r#"<text class="{ink} pill" x="{x}" y="{}">{letter}</text>"#, y + 3));
}

fn condition(join: &Join) -> String {
    let pairs = join.on.iter().map(|(from, to)| format!("{}.{from} = {}.{to}", join.from, join.to));
    pairs.collect::<Vec<_>>().join(" and ")
}

fn int(number: usize) -> i32 {
    i32::try_from(number).expect("a picture is small")
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    writeln!(out, "{text}").expect("a text takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left, top, right, bottom.
    type Area = (i32, i32, i32, i32);

    fn is_apart(a: Area, b: Area) -> bool {
        a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1
    }

    fn areas(diagram: &Diagram) -> Vec<Area> {
        let area = |table: &Table| {
            let (left, right) = diagram.columns[table.column];
            (left, table.y, right, table.y + table.height())
        };
        let (left, right) = diagram.columns[0];
        let legend = (left, diagram.legend_y, right, diagram.legend_y + LEGEND_ROW * int(LEGEND.len()));
        diagram.tables.iter().map(area).chain([legend]).collect()
    }

    /// The straight pieces of all lines, with their nets.
    fn pieces(diagram: &Diagram) -> Vec<(usize, Area)> {
        let mut pieces = Vec::new();
        for (number, net) in diagram.nets.iter().enumerate() {
            for (start, _) in &net.starts {
                for ends in diagram.route(number, *start).windows(2) {
                    let ((x1, y1), (x2, y2)) = (ends[0], ends[1]);
                    assert!(x1 == x2 || y1 == y2, "{} has a slanting line", net.to);
                    pieces.push((number, (x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2))));
                }
            }
        }
        pieces
    }

    #[test]
    fn no_tables_overlap_and_all_are_inside() {
        let diagram = Diagram::new();
        let areas = areas(&diagram);
        for (i, a) in areas.iter().enumerate() {
            assert!(areas[..i].iter().all(|b| is_apart(*a, *b)), "{a:?}");
            assert!(a.3 + MARGIN / 2 <= diagram.height, "{a:?}");
        }
    }

    #[test]
    fn no_line_runs_through_a_table() {
        let diagram = Diagram::new();
        let areas = areas(&diagram);
        for (net, (left, top, right, bottom)) in pieces(&diagram) {
            // As wide as it is drawn, but for its ends, which touch a table.
            let drawn =
                if left == right { (left - 1, top, right + 1, bottom) } else { (left + 1, top - 1, right - 1, bottom + 1) };
            assert!(areas.iter().all(|area| is_apart(drawn, *area)), "{} {drawn:?}", diagram.nets[net].to);
        }
    }

    #[test]
    fn lines_of_different_colours_cross_but_never_run_together() {
        let pieces = pieces(&Diagram::new());
        for (net, a) in &pieces {
            for (_, b) in pieces.iter().filter(|(other, _)| other != net) {
                let both_stand = a.0 == a.2 && b.0 == b.2;
                let both_lie = a.1 == a.3 && b.1 == b.3;
                let together =
                    (both_stand && a.0 == b.0 && a.1 < b.3 && b.1 < a.3) || (both_lie && a.1 == b.1 && a.0 < b.2 && b.0 < a.2);
                assert!(!together, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn every_join_is_drawn_once_but_those_to_accounts() {
        let svg = svg();
        for join in JOINS {
            let lines = usize::from(join.to != "accounts");
            assert_eq!(svg.matches(&format!("<title>{}</title>", condition(join))).count(), lines, "{join:?}");
        }
    }
}
