"""Time of one step of the book's first-order optimizers, beside torch's, on two networks.

Every contender steps on the same gradients, in turn, many times over; what counts is the median
of the ratios of one round, in processor time of one thread. ``plain`` is torch with
``foreach=False``. No optimizer of ours should be slower than 1.5 times that.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch.optim import Optimizer

from deepbook.feedforward import MLP
from deepbook.optimization import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.5
NETWORKS = {"784-128-64-10": [784, 128, 64, 10], "30 layers of 64": [784, *[64] * 29, 10]}
# ours, torch's, and settings that both know
PAIRS: dict[str, tuple[Callable[..., Optimizer], Callable[..., Optimizer], dict[str, float]]] = {
    "SGD": (SGD, torch.optim.SGD, {}),
    "SGD, decay": (SGD, torch.optim.SGD, {"weight_decay": 1e-4}),
    "Momentum": (Momentum, torch.optim.SGD, {"momentum": 0.9}),
    "Nesterov": (
        Nesterov,
        lambda p, **s: torch.optim.SGD(p, nesterov=True, **s),
        {"momentum": 0.9},
    ),
    "AdaGrad": (AdaGrad, torch.optim.Adagrad, {}),
    "RMSProp": (RMSProp, torch.optim.RMSprop, {}),
    "RMSProp, momentum": (RMSProp, torch.optim.RMSprop, {"momentum": 0.9}),
    "Adam": (Adam, torch.optim.Adam, {}),
    "AdamW": (AdamW, torch.optim.AdamW, {}),
}


def main() -> int:
    """Measure, print the table and write it down; 1 if one is slower than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? judges nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds, steps = (2, 2) if options.quick else (41, 20)
    rows = [
        compare(network, sizes, name, rounds, steps)
        for network, sizes in NETWORKS.items()
        for name in PAIRS
    ]
    show(rows)
    if options.quick:
        return 0
    path = ROOT / "_build" / "optimizers.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    slow = [row for row in rows if float(row["of plain"]) > LIMIT]
    for row in slow:
        print(f"slower than {LIMIT} times torch's plain: {row['optimizer']}, {row['network']}")
    return 1 if slow else 0


def compare(
    network: str, sizes: list[int], name: str, rounds: int, steps: int
) -> dict[str, float | str]:
    """Microseconds a step, and the ratios of ours to torch's plain and to its foreach version."""
    ours, torchs, settings = PAIRS[name]
    # a rate too small to move anything far: the gradients stay those of the start
    makers: dict[str, Callable[..., Optimizer]] = {
        "ours": lambda p: ours(p, lr=1e-6, **settings),
        "plain": lambda p: torchs(p, lr=1e-6, foreach=False, **settings),
        "foreach": lambda p: torchs(p, lr=1e-6, foreach=True, **settings),
    }
    contenders = {key: prepared(sizes, make) for key, make in makers.items()}
    times: dict[str, list[float]] = {key: [] for key in contenders}
    for number in range(rounds + 1):
        for key, step in contenders.items():
            start = time.process_time()
            for _ in range(steps):
                step()
            if number:  # the first round warms up
                times[key].append((time.process_time() - start) / steps)
    ratio = {
        key: statistics.median(a / b for a, b in zip(times["ours"], times[key], strict=True))
        for key in ("plain", "foreach")
    }
    return {
        "network": network,
        "optimizer": name,
        **{f"{key}, us": round(1e6 * statistics.median(times[key]), 1) for key in contenders},
        "of plain": round(ratio["plain"], 2),
        "of foreach": round(ratio["foreach"], 2),
    }


def prepared(sizes: list[int], make: Callable[..., Optimizer]) -> Callable[[], object]:
    """A step of an optimizer over a network that has its gradients."""
    generator = torch.Generator().manual_seed(0)
    model = MLP(sizes, generator=generator)
    x = torch.randn(100, sizes[0], generator=generator)
    y = torch.randint(sizes[-1], (100,), generator=generator)
    torch.nn.functional.cross_entropy(model(x), y).backward()
    return make(model.parameters()).step


def show(rows: list[dict[str, float | str]]) -> None:
    """Print the rows as a table."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
