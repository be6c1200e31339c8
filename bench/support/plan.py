"""What is run: the systems, and each workload with how much of it."""

import os
from dataclasses import dataclass, field


@dataclass
class System:
    name: str
    command: list


@dataclass
class Workload:
    name: str
    n: int
    quick_n: int = 0  # 0: not part of --quick
    workers: tuple = (1, 2)
    fewer: dict = field(default_factory=dict)  # for systems so slow that N would take minutes; per-item figures only
    without: tuple = ()  # systems that cannot do N, where fewer would be another figure
    connections: int = 0  # of a server's load

    @property
    def title(self):
        return f"{self.name}_{self.connections}" if self.connections else self.name


# N is such that a turn takes about half a second, and no less than the targets were set for.
WORKLOADS = [
    Workload("yield", 4_000_000, 1_000_000, (1,), {"threads": 200_000}),
    Workload("spawn_join", 500_000, 200_000, fewer={"threads": 5_000}),
    Workload("spawn_batch", 1_000_000, 300_000, fewer={"threads": 5_000}),
    Workload("skynet", 1_000_000, 100_000),
    Workload("fib", 27, 27),
    Workload("pingpong", 500_000, 200_000, fewer={"threads": 20_000, "boost_fiber_ws": 50_000}),
    Workload("mpmc", 2_000_000, 1_000_000),
    Workload("cold_wake", 10_000, 10_000),
    Workload("mutex", 400, 100, fewer={"threads": 20}),
    Workload("parked", 200_000, fewer={"threads": 5_000}),
    Workload("unstarted", 500_000, workers=(1,)),
    Workload("sleep", 1_000_000, without=("threads",)),
    Workload("timeout_storm", 2_000_000, fewer={"asio": 50_000}),
    Workload("abort", 50_000),
    Workload("blocking", 40_000),
    # Server on one processor, load on another.
    Workload("echo", 0, 1, (1,), connections=64),
    Workload("echo", 0, 1, (1,), connections=1000),
    Workload("echo", 0, 0, (1,), connections=8000),
    Workload("http", 0, 0, (1,), connections=64),
    Workload("http", 0, 0, (1,), connections=1000),
]


def systems(ramie, peers):
    """Ours first, so that its turn is taken beside everybody else's. Those that are not built are left out."""
    all_of_them = [
        System("ramie", [ramie]),
        System("tokio", [os.path.join(peers, "tokio")]),
        System("tokio_current", [os.path.join(peers, "tokio"), "--current-thread"]),
        System("go", [os.path.join(peers, "go")]),
        System("boost_fiber_ws", [os.path.join(peers, "boost_fiber_ws")]),
        System("boost_fiber_rr", [os.path.join(peers, "boost_fiber_rr")]),
        System("asio", [os.path.join(peers, "asio")]),
        System("threads", [os.path.join(peers, "threads")]),
        System("raw_loop", [os.path.join(peers, "raw_loop")]),
    ]
    return [system for system in all_of_them if os.access(system.command[0], os.X_OK)]
