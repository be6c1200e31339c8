"""The results as text and as Markdown."""

from figures import FLOOR, OURS, STACKFUL, best_peer, of, ratio, row, rows


def number(value):
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def times(value):
    return "-" if value is None else f"{value:.2f}x"


def aligned(lines):
    """Columns as wide as they need to be; the first to the left."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]).rstrip()
            for line in lines]


def text(cells):
    """A block for each figure: minimum, median and what of the best peer's median that is."""
    out = []
    for figure, workers in rows(cells):
        line = row(cells, figure, workers)
        best = best_peer(line)
        unit = next((cell.unit for cell in line if cell.unit), "")
        lines = [[f"{figure}, {workers} worker{'s' if workers > 1 else ''}", f"min {unit}", f"median {unit}", "to best peer"]]
        for cell in line:
            if cell.values:
                lines.append([cell.system, number(cell.minimum), number(cell.median), times(ratio(cell, best))])
        out += aligned(lines)
        out += [f"{cell.system}  {cell.problem}" for cell in line if cell.problem]
        out.append("")
    return "\n".join(out)


def markdown(cells, notes):
    """For each number of workers a table: a line for each figure, a column for each system, median (minimum)."""
    out = ["# Results", ""] + notes
    for workers in sorted({cell.workers for cell in cells}):
        here = [cell for cell in cells if cell.workers == workers]
        systems = list(dict.fromkeys(cell.system for cell in here))
        floor = FLOOR in systems
        heads = ["", "unit", *systems, f"{OURS} to best peer", "to best with stacks"] + ([f"to {FLOOR}"] if floor else [])
        out += ["", f"## {workers} worker{'s' if workers > 1 else ''}", "", "Median (minimum).", "",
                "| " + " | ".join(heads) + " |", "|---" * 2 + "|---:" * (len(heads) - 2) + "|"]
        for figure, _ in rows(here):
            line = row(here, figure, workers)
            best, ours = best_peer(line), of(line, OURS)
            texts = [figure, next((cell.unit for cell in line if cell.unit), "")]
            for system in systems:
                cell = of(line, system)
                shown = f"{number(cell.median)} ({number(cell.minimum)})" if cell and cell.values else "-"
                texts.append(f"**{shown}**" if cell and cell is best else shown)
            texts += [times(ratio(ours, best)), times(ratio(ours, best_peer(line, STACKFUL)))]
            if floor:
                texts.append(times(ratio(ours, of(line, FLOOR))))
            out.append("| " + " | ".join(texts) + " |")
    problems = [f"- {cell.system}, {cell.figure}, {cell.workers}: {cell.problem}" for cell in cells if cell.problem]
    if problems:
        out += ["", "Not measured, or not in every turn:", ""] + problems
    return "\n".join(out) + "\n"
