"""Prints lines of tab-separated fields as a table: table.py FILE HEADING..."""

import sys
import textwrap

with open(sys.argv[1], encoding="utf-8") as file:
    rows = [sys.argv[2:]] + [line.rstrip("\n").split("\t") for line in file]
WIDEST = 72
cells = [[textwrap.wrap(field, WIDEST) or [""] for field in row] for row in rows]
widths = [max(len(line) for row in cells for line in row[column]) for column in range(len(rows[0]))]
for number, row in enumerate(cells):
    if number == 1:
        print("-+-".join("-" * width for width in widths))
    for line in range(max(map(len, row))):
        parts = [field[line] if line < len(field) else "" for field in row]
        print(" | ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
