"""How fast this machine is, in the book's own kind of work.

A CPU-second is worth more on one machine than on another, and on one machine more in one hour
than in the next. So a page is judged by *reference seconds*: its CPU-seconds times the speed
of the machine. :func:`measure` finds it right behind each page, in the same process; what counts
is the median of the pages that ran at about the same time, for on a machine whose cores share
what they have it falls to two thirds and rises again as the neighbour works or rests. Speed 1 is
the machine on which the 35 pages of the first edition took 320 CPU-seconds.
"""

import time
from collections.abc import Callable
from functools import partial

# an expression that a kernel evaluates
CALIBRATION = "__import__('bookbuild.execution.calibration', fromlist=['measure']).measure()"

# CPU-seconds: the cost of a shorter page is nobody's concern
WORTH_CALIBRATING = 4.0

# CPU-seconds of each kind of work at speed 1, and its share of the book's cost. The shares are
# from samples of where pages spend their CPU time (perf, 117,000 samples over eleven pages):
# .22 in products, .23 in loops over elements, .30 in what is around them (dispatch, autograd,
# memory), .25 in Python, of which a good part is the calling of small operations.
REFERENCE = {
    "products": (0.0048, 0.20),
    "elementwise": (0.0030, 0.25),
    "small operations": (0.0035, 0.35),
    "plain Python": (0.0023, 0.20),
}


def measure(rounds: int = 5) -> tuple[float, float]:
    """Speed of this machine now, and the CPU-seconds that it took to find out.

    Parameters
    ----------
    rounds : int
        How often each kind of work is done; the median counts.

    Returns
    -------
    tuple of float
        Reference seconds in a CPU-second; CPU-seconds.
    """
    import torch  # noqa: F401  # a page has it already: to load it is no part of the work

    start = time.process_time()
    taken = times(rounds)
    slowness = sum(share * taken[kind] / ref for kind, (ref, share) in REFERENCE.items())
    return 1 / slowness, time.process_time() - start


def times(rounds: int = 5) -> dict[str, float]:
    """CPU-seconds of each kind of work, the median of some rounds."""
    import torch

    generator = torch.Generator().manual_seed(0)
    # a page may have changed the default, and gradients are none of its business
    draw = partial(torch.randn, generator=generator, dtype=torch.float32)
    units, weights = draw(100, 784), draw(784, 500)
    small, vector = draw(20, 20), draw(20).requires_grad_()
    kinds: dict[str, Callable[[], object]] = {
        "products": partial(_products, units, weights),
        "elementwise": partial(_elementwise, units, generator),
        "small operations": partial(_small_operations, small, vector),
        "plain Python": _plain_python,
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    with torch.enable_grad():
        for _ in range(rounds):
            for kind, work in kinds.items():
                start = time.process_time()
                work()
                taken[kind].append(time.process_time() - start)
    return {kind: sorted(each)[rounds // 2] for kind, each in taken.items()}


def _products(units, weights) -> None:  # type: ignore[no-untyped-def]
    for _ in range(4):
        hidden = units @ weights
        hidden @ weights.T
        units.T @ hidden


def _elementwise(units, generator) -> None:  # type: ignore[no-untyped-def]
    import torch

    for _ in range(8):
        p = torch.sigmoid(units)
        (torch.rand(p.shape, generator=generator, dtype=p.dtype) < p).float()
        torch.nn.functional.softplus(units).sum(1)


def _small_operations(small, vector) -> None:  # type: ignore[no-untyped-def]
    import torch

    for _ in range(40):
        loss = torch.tanh(small @ vector + vector).square().mean()
        (gradient,) = torch.autograd.grad(loss, vector)
        with torch.no_grad():
            vector - 0.1 * gradient


def _plain_python() -> float:
    total, seen = 0.0, {}
    for number in range(30_000):
        seen[number % 97] = number
        total += number * 0.5 - len(seen)
    return total
