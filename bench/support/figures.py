"""The arithmetic: many turns of a cell become a minimum, a median and a ratio."""

import statistics
from dataclasses import dataclass, field

OURS, FLOOR = "ramie", "raw_loop"  # everything else is a peer
STACKFUL = ("go", "boost_fiber_ws", "boost_fiber_rr", "threads")


@dataclass
class Cell:
    """One figure of one system at one number of workers, taken several times."""
    system: str
    figure: str
    workers: int
    unit: str = ""
    n: int = 0
    values: list = field(default_factory=list)
    problem: str = ""  # why there are no (more) values

    @property
    def minimum(self):
        return min(self.values)

    @property
    def median(self):
        return statistics.median(self.values)


def row(cells, figure, workers):
    return [cell for cell in cells if (cell.figure, cell.workers) == (figure, workers)]


def rows(cells):
    """(figure, workers) in the order they were measured."""
    return list(dict.fromkeys((cell.figure, cell.workers) for cell in cells))


def best_peer(cells, among=None):
    """Of one row; smaller is better in every figure. None if no peer has a value."""
    peers = [cell for cell in cells if cell.system not in (OURS, FLOOR) and cell.values
             and (among is None or cell.system in among)]
    return min(peers, key=lambda cell: cell.median, default=None)


def ratio(cell, to):
    """How many times `to`'s median it takes; None where one of them has no figure."""
    if not cell or not to or not cell.values or not to.values or to.median == 0:
        return None
    return cell.median / to.median


def of(cells, system):
    return next((cell for cell in cells if cell.system == system), None)
