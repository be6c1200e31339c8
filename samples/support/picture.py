"""The results as an SVG: a row for each measure, a column for each number of connections, a bar for each variant."""

from html import escape

from table import mebibytes, milliseconds, number

COLOURS = ["#7f8c9a", "#0b7a75", "#d9902f"]  # in the order of the variants
INK, FAINT, GRID, WARNING = "#1f2933", "#616e7c", "#e4e7eb", "#c0392b"

MEASURES = [  # name, what to know about it, value, its text
    ("Requests per second", "higher is better", lambda r: r.per_second, number),
    ("Latency, median", "lower is better", lambda r: r.p50_us, milliseconds),
    ("Latency, 99th percentile", "lower is better", lambda r: r.p99_us, milliseconds),
    ("Server CPU per request", "user + system, lower is better", lambda r: r.cpu_us, lambda v: number(v, 1) + " us"),
    ("Server memory", "peak RSS, lower is better", lambda r: r.rss_kib, mebibytes),
    ("OS threads", "peak, lower is better", lambda r: r.threads, number),
]

MARGIN, NAMES, PANEL, GAP = 28, 290, 250, 30
BAR, STEP, ROW, TOP = 15, 20, 92, 118
VALUE_ROOM = 78  # right of the longest bar


def text(x, y, content, size=13, fill=INK, weight="normal", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(content)}</text>')


def panel(x, y, cells, value, words, colours):
    """The bars of one measure at one load; each panel has its own scale, from zero."""
    out = [f'<line x1="{x}" y1="{y - 4}" x2="{x}" y2="{y + len(cells) * STEP - 1}" stroke="{FAINT}"/>']
    longest = max((value(cell) for cell in cells if not cell.problem), default=0) or 1
    for cell, colour in zip(cells, colours):
        middle = y + BAR - 3
        if cell.problem:
            short = cell.problem if len(cell.problem) <= 34 else cell.problem[:33] + "…"
            out.append(text(x + 6, middle, short, 12, WARNING))
        else:
            width = max(1.5, (PANEL - VALUE_ROOM) * value(cell) / longest)
            out.append(f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
            out.append(text(x + width + 6, middle, words(value(cell)), 12.5))
        y += STEP
    return out


def shortcomings(results):
    return [f"{r.variant} at {number(r.connections)} connections: "
            + ", ".join(filter(None, [f"{number(r.failed)} failed requests" if r.failed else "", r.remark]))
            for r in results if not r.problem and (r.failed or r.remark)]


def picture(results, notes):
    faults = shortcomings(results)
    variants = list(dict.fromkeys(result.variant for result in results))
    loads = list(dict.fromkeys(result.connections for result in results))
    colour_of = {variant: COLOURS[i % len(COLOURS)] for i, variant in enumerate(variants)}
    width = 2 * MARGIN + NAMES + len(loads) * (PANEL + GAP) - GAP
    notes_top = TOP + len(MEASURES) * ROW + 26
    height = notes_top + 18 * len(notes + faults) + 12

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">',
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           text(MARGIN, 42, "One HTTP server, three ways: " + ", ".join(variants), 21, weight="bold"),
           text(MARGIN, 66, "Keep-alive GET / on the loopback. Every panel has its own scale, starting at zero.", 13.5, FAINT)]
    for column, load in enumerate(loads):
        x = MARGIN + NAMES + column * (PANEL + GAP)
        out.append(text(x, TOP - 18, f"{number(load)} connections", 14.5, weight="bold"))
    for row, (name, remark, value, words) in enumerate(MEASURES):
        y = TOP + row * ROW + 18
        out.append(f'<line x1="{MARGIN}" y1="{y - 18}" x2="{width - MARGIN}" y2="{y - 18}" stroke="{GRID}"/>')
        out.append(text(MARGIN, y + 12, name, 14, weight="bold"))
        out.append(text(MARGIN, y + 30, remark, 12, FAINT))
        for i, variant in enumerate(variants):
            out.append(text(MARGIN + NAMES - 10, y + i * STEP + BAR - 3, variant, 12.5, colour_of[variant], anchor="end",
                            weight="bold"))
        for column, load in enumerate(loads):
            cells = [result for result in results if result.connections == load]
            x = MARGIN + NAMES + column * (PANEL + GAP)
            out += panel(x, y, cells, value, words, [colour_of[cell.variant] for cell in cells])
    for i, line in enumerate(notes + faults):
        out.append(text(MARGIN, notes_top + 18 * i, line, 12, WARNING if i >= len(notes) else FAINT))
    return "\n".join(out + ["</svg>", ""])
