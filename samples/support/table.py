"""The results as text."""


def number(value, digits=0):
    return f"{value:,.{digits}f}"


def milliseconds(microseconds):
    ms = microseconds / 1000
    return number(ms, 2 if ms < 10 else 1 if ms < 100 else 0) + " ms"


def mebibytes(kib):
    mib = kib / 1024
    return number(mib, 1 if mib < 100 else 0) + " MiB"


def aligned(rows, left=1):
    """Rows of texts as lines with columns as wide as they need to be; the first `left` columns to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(text.ljust(width) if i < left else text.rjust(width)
                      for i, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


COLUMNS = [  # heading, text of a cell
    ("variant", lambda r: r.variant),
    ("connections", lambda r: number(r.connections)),
    ("requests/s", lambda r: number(r.per_second)),
    ("p50", lambda r: milliseconds(r.p50_us)),
    ("p99", lambda r: milliseconds(r.p99_us)),
    ("CPU/request", lambda r: number(r.cpu_us, 1) + " us"),
    ("server busy", lambda r: number(100 * r.busy) + " %"),
    ("peak RSS", lambda r: mebibytes(r.rss_kib)),
    ("threads", lambda r: number(r.threads)),
    ("failed", lambda r: number(r.failed)),
]


def table(results):
    """One table; a variant without figures has its reason in their place, remarks stand at the end of the line."""
    rows = [[cell(result) for _, cell in COLUMNS] if not result.problem else None for result in results]
    widths = [max(len(heading), *(len(row[i]) for row in rows if row), len("coroutines") if i == 0 else 0)
              for i, (heading, _) in enumerate(COLUMNS)]

    def line(texts):
        return "  ".join([texts[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(texts[1:], widths[1:])])

    lines = [line([heading for heading, _ in COLUMNS]), "  ".join("-" * width for width in widths)]
    last = None
    for result, row in zip(results, rows):
        if last not in (None, result.connections):
            lines.append("")
        last = result.connections
        if row:
            lines.append(line(row) + (f"  ({result.remark})" if result.remark else ""))
        else:
            lines.append(f"{result.variant.ljust(widths[0])}  {number(result.connections).rjust(widths[1])}  "
                         f"{result.problem}")
    return "\n".join(lines)
