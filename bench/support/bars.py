"""The results as an SVG: a panel for each figure, a bar for each system."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/support"))

from figures import OURS, FLOOR, best_peer, of, ratio, row, rows  # noqa: E402
from picture import FAINT, GRID, INK, WARNING, text  # noqa: E402
from report import number, times  # noqa: E402

COLOURS = {OURS: "#0b7a75", FLOOR: "#b8c1cc"}
OTHERS = "#7f8c9a"
MARGIN, NAMES, BARS, GAP, COLUMNS = 28, 108, 190, 40, 3
VALUE_ROOM = 66  # right of the longest bar
HEAD, BAR, STEP = 44, 12, 17
LONGEST = 5  # times our own bar; longer ones are cut, and say so by a gap


def bar(x, y, cell, limit):
    middle = y + BAR - 2
    out = [text(x + NAMES - 8, middle, cell.system, 11.5, COLOURS.get(cell.system, INK), anchor="end",
                weight="bold" if cell.system == OURS else "normal")]
    if not cell.values:
        return out + [text(x + NAMES + 4, middle, cell.problem[:32], 11, WARNING)]
    room, left = BARS - VALUE_ROOM, x + NAMES
    width = max(1.5, room * min(cell.median / limit, 1))
    out.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS.get(cell.system, OTHERS)}"/>')
    if cell.median > limit:
        out.append(f'<rect x="{left + room - 14}" y="{y}" width="4" height="{BAR}" fill="#ffffff"/>')
    out.append(text(left + width + 5, middle, number(cell.median), 11.5))
    return out


def panel(x, y, figure, line):
    unit = next((cell.unit for cell in line if cell.unit), "")
    out = [f'<line x1="{x}" y1="{y - 2}" x2="{x + NAMES + BARS}" y2="{y - 2}" stroke="{GRID}"/>',
           text(x, y + 16, figure, 14, weight="bold"), text(x, y + 32, unit, 11.5, FAINT)]
    ours, best = of(line, OURS), best_peer(line)
    to_best = ratio(ours, best)
    if to_best is not None:
        out.append(text(x + NAMES + BARS, y + 32, f"{times(to_best)} {best.system}, the best peer", 11.5, FAINT, anchor="end"))
    longest = max((cell.median for cell in line if cell.values), default=1) or 1
    limit = min(longest, LONGEST * ours.median) if ours and ours.values and ours.median else longest
    for i, cell in enumerate(line):
        out += bar(x, y + HEAD + i * STEP, cell, limit)
    return out


def picture(cells, workers, notes):
    here = [(figure, row(cells, figure, workers)) for figure, at in rows(cells) if at == workers]
    lines = [here[i:i + COLUMNS] for i in range(0, len(here), COLUMNS)]
    width = 2 * MARGIN + COLUMNS * (NAMES + BARS) + (COLUMNS - 1) * GAP
    out, y = [], 96
    for line in lines:
        for column, (figure, of_figure) in enumerate(line):
            out += panel(MARGIN + column * (NAMES + BARS + GAP), y, figure, of_figure)
        y += HEAD + STEP * max(len(of_figure) for _, of_figure in line) + 22
    height = y + 18 * len(notes) + 16
    title = f"Ramie beside its peers, {workers} worker{'s' if workers > 1 else ''}"
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            text(MARGIN, 42, title, 21, weight="bold"),
            text(MARGIN, 66, "Median; shorter is better. Each panel has its own scale from zero; a bar with a gap is cut short.",
                 13, FAINT)]
    foot = [text(MARGIN, y + 10 + 18 * i, note, 12, FAINT) for i, note in enumerate(notes)]
    return "\n".join(head + out + foot + ["</svg>", ""])
