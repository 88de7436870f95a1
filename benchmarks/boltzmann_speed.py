"""Examples per second of training an RBM, beside other packages and beside the limit."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

TITLE = "Training speed of an RBM on MNIST-5k: examples per second"
PACKAGES = ("torch", "numpy", "scikit-learn", "rbms")
EXAMPLES = 2000


def measure(quick: bool) -> list[dict[str, float | str | None]]:
    """One process for each number of threads, which are fixed when a process starts."""
    rows = []
    for threads in (1, 2):
        if threads > 1 and os.getloadavg()[0] > 1.5:
            # where others hold the cores, threads wait for each other and measure only that
            print("two threads are not measured: other work is running", file=sys.stderr)
            break
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads))}
        # threads that wait for each other in vain are no measure of anything
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        command = [sys.executable, __file__, str(threads), "1" if quick else "3"]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
        rows += json.loads(done.stdout)
    return rows


def worker(threads: int, rounds: int) -> list[dict[str, float | str | None]]:
    """All rows for this number of threads."""
    return [
        compare(threads, rounds, hidden, batch, persistent, precision)
        for hidden in (500, 64)
        for batch in (100, 10)
        for persistent in (False, True)
        for precision in ("highest", "medium")
    ]


def compare(
    threads: int, rounds: int, hidden: int, batch: int, persistent: bool, precision: str
) -> dict[str, float | str | None]:
    """Everybody trains on the same examples, in turn, several times; the best time counts."""
    import torch

    import deepbook

    deepbook.seed(0)
    # for everything that torch does: rbms too
    torch.set_float32_matmul_precision(precision)
    data = (deepbook.data.mnist5k().train.inputs > 0.5).float()
    data = data[torch.randperm(len(data))[:EXAMPLES]]
    contenders = {
        "5 products": limit(hidden, batch),
        "train_fast": ours_fast(data, hidden, batch, persistent, precision),
        "train": ours(data, hidden, batch, persistent),
        "rbms": rbms(data, hidden, batch, persistent),
    }
    if persistent:  # which scikit-learn's always is
        contenders["scikit-learn"] = scikit_learn(data, hidden, batch)
    # on a machine with other work, a single thread's own time is the steadier clock
    clock = time.process_time if threads == 1 else time.perf_counter
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds + 1):  # the first round warms up
        for name, run in contenders.items():
            start = clock()
            run()
            best[name] = min(best[name], clock() - start)
    speed = {name: EXAMPLES / seconds for name, seconds in best.items()}
    fast = speed["train_fast"]
    row: dict[str, float | str | None] = {
        "threads": threads,
        "units": f"784-{hidden}",
        "batch": batch,
        "method": "PCD-1" if persistent else "CD-1",
        "precision": precision,
    }
    for name in ("5 products", "train_fast", "train", "scikit-learn", "rbms"):
        row[name] = round(speed[name]) if name in speed else None
    row["of the products"] = round(fast / speed["5 products"], 2)
    for name in ("scikit-learn", "rbms"):
        row[f"times {name}"] = round(fast / speed[name], 2) if name in speed else None
    return row


def limit(hidden: int, batch: int) -> Callable[[], None]:
    """The five products of a step of CD-1, and nothing else."""
    import torch

    visible, hidden_units = torch.rand(batch, 784), torch.rand(batch, hidden)
    weight, gradient = torch.rand(784, hidden), torch.empty(784, hidden)
    up, down = torch.empty(batch, hidden), torch.empty(batch, 784)

    def run() -> None:
        for _ in range(EXAMPLES // batch):
            torch.mm(visible, weight, out=up)
            torch.mm(hidden_units, weight.T, out=down)
            torch.mm(visible, weight, out=up)
            torch.mm(visible.T, hidden_units, out=gradient)
            torch.mm(visible.T, hidden_units, out=gradient)

    return run


def ours_fast(  # type: ignore[no-untyped-def]
    data, hidden: int, batch: int, persistent: bool, precision: str
) -> Callable[[], None]:
    """``train_fast``."""
    from deepbook.boltzmann import RBM, train_fast

    model = RBM(784, hidden)
    settings = {"epochs": 1, "batch_size": batch, "learning_rate": 0.01, "precision": precision}
    return lambda: train_fast(model, data, persistent=persistent, **settings)


def ours(data, hidden: int, batch: int, persistent: bool) -> Callable[[], None]:  # type: ignore[no-untyped-def]
    """``train``, the one that the pages teach."""
    from deepbook import boltzmann

    model = boltzmann.RBM(784, hidden)
    if persistent:
        estimator = boltzmann.PersistentContrastiveDivergence()
    else:
        estimator = boltzmann.ContrastiveDivergence()
    settings = {"epochs": 1, "batch_size": batch, "learning_rate": 0.01}
    return lambda: boltzmann.train(model, data, estimator, **settings)


def scikit_learn(data, hidden: int, batch: int) -> Callable[[], None]:  # type: ignore[no-untyped-def]
    """The steps of ``BernoulliRBM.fit`` in float32, less its checks and first random weights.

    ``partial_fit`` would be half as fast: it makes float64 weights.
    """
    import numpy as np
    from sklearn.neural_network import BernoulliRBM

    model = BernoulliRBM(hidden, learning_rate=0.01, batch_size=batch, n_iter=0, random_state=0)
    model.fit(data.numpy())
    random, batches = np.random.RandomState(0), [part.numpy() for part in data.split(batch)]

    def run() -> None:
        for examples in batches:
            model._fit(examples, random)

    return run


def rbms(data, hidden: int, batch: int, persistent: bool) -> Callable[[], None]:  # type: ignore[no-untyped-def]
    """What the loop of ``rbms.training.pcd.train`` does, less its files and progress bar."""
    import torch
    from rbms.bernoulli_bernoulli import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    model = BBRBM(0.01 * torch.randn(784, hidden), torch.zeros(784), torch.zeros(hidden))
    model.init_grad()
    weights = torch.ones(len(data))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, maximize=True)
    chains = [model.init_chains(batch)]

    @torch.no_grad()
    def run() -> None:
        for _ in range(EXAMPLES // batch):
            index = torch.randperm(len(data))[:batch]
            examples = data[index], weights[index]
            if not persistent:
                chains[0] = model.init_chains(batch, weights=examples[1], start_v=examples[0])
            optimizer.zero_grad(set_to_none=False)
            chains[0], _ = fit_batch_pcd(examples, chains[0], model, 1, 1.0, centered=False)
            optimizer.step()

    return run


if __name__ == "__main__":
    print(json.dumps(worker(int(sys.argv[1]), int(sys.argv[2]))))
