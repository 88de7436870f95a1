"""Every optimizer on the same three problems, tuned by the same budget, over ten seeds.

The problems are networks on digits of 8 x 8 pixels: softmax regression, one hidden layer, eight
hidden layers. Each optimizer may choose among ten learning rates, a factor of the root of ten
apart, by the mean loss of three seeds on validation digits after the last epoch; other settings
are the usual ones. With the chosen rate ten other seeds learn from all training digits. Batches,
epochs and initial weights are the same for all, seed by seed. Writes the two records
``race_tuning`` and ``race`` of ``deepbook.optimization``.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import Row, content, write
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

import deepbook
from deepbook.data.labelled import Labelled
from deepbook.feedforward import MLP
from deepbook.optimization import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from deepbook.training import NonFiniteError, accuracies, fit_many, predict

PROBLEMS = {
    "softmax regression": [64, 10],
    "one hidden layer": [64, 32, 10],
    "eight hidden layers": [64, *8 * [32], 10],
}
Maker = Callable[[list[nn.Parameter], float], Optimizer]
OPTIMIZERS: dict[str, Maker] = {
    "SGD": lambda weights, rate: SGD(weights, rate),
    "momentum": lambda weights, rate: Momentum(weights, rate, momentum=0.9),
    "Nesterov": lambda weights, rate: Nesterov(weights, rate, momentum=0.9),
    "AdaGrad": lambda weights, rate: AdaGrad(weights, rate),
    "RMSProp": lambda weights, rate: RMSProp(weights, rate),
    "Adam": lambda weights, rate: Adam(weights, rate),
    "AdamW": lambda weights, rate: AdamW(weights, rate, weight_decay=0.01),
}
# ten rates from 10^-4 to 10^.5
RATES = [10 ** (k / 2) for k in range(-8, 2)]
COMMAND = "python benchmarks/optimizer_race.py"
EPOCHS, BATCH_SIZE = 15, 64
CHOOSING, SEEDS = range(3), range(3, 13)


def main() -> int:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? writes nothing down")
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits = deepbook.data.digits8x8()
    learn, validation = digits.train.split()
    tuning: list[Row] = []
    race: list[Row] = []
    epochs = 1 if options.quick else EPOCHS
    for problem, sizes in PROBLEMS.items():
        for name, make in OPTIMIZERS.items():
            validated = []
            for rate in RATES[::4] if options.quick else RATES:
                curves, networks = run(sizes, make, rate, CHOOSING, learn, epochs)
                row = tuned(problem, name, rate, curves, networks, validation)
                tuning.append(row)
                validated.append((row["validation loss"], rate))
            best = min((loss, rate) for loss, rate in validated if loss is not None)[1]
            curves, networks = run(sizes, make, best, SEEDS, digits.train, epochs)
            race.extend(raced(problem, name, best, curves, networks, digits.test))
            print(problem, name, f"{best:.2g}", race[-1], flush=True)
    if not options.quick:
        write(
            "optimization",
            content(
                "race_tuning", "Ten rates for each optimizer, on validation digits", tuning, COMMAND
            ),
        )
        write("optimization", content("race", "Ten seeds with the chosen rates", race, COMMAND))
    return 0


def run(
    sizes: list[int],
    make: Maker,
    rate: float,
    seeds: range,
    data: Labelled,
    epochs: int,
) -> tuple[list[list[float]] | None, list[MLP]]:
    """Losses of each seed by epoch, None if they ceased to be finite, and the networks."""
    networks = [MLP(sizes, initial="he", generator=deepbook.generator(seed)) for seed in seeds]
    try:
        histories = fit_many(
            networks,
            data.inputs,
            data.targets,
            loss=cross_entropy,
            optimizer=lambda weights: make(weights, rate),
            epochs=epochs,
            batch_size=BATCH_SIZE,
            generators=[deepbook.generator(seed) for seed in seeds],
        )
    except NonFiniteError:
        return None, networks
    return [history.loss for history in histories], networks


def tuned(
    problem: str,
    name: str,
    rate: float,
    curves: list[list[float]] | None,
    networks: list[MLP],
    validation: Labelled,
) -> Row:
    """A row of the table of rates."""
    row: Row = {"problem": problem, "optimizer": name, "rate": rounded(rate)}
    if curves is None:
        return {**row, "training loss": None, "validation loss": None, "validation read": None}
    losses = [
        cross_entropy(predict(net, validation.inputs), validation.targets).item()
        for net in networks
    ]
    read = accuracies(networks, validation.inputs, validation.targets).mean().item()
    return {
        **row,
        "training loss": rounded(sum(curve[-1] for curve in curves) / len(curves)),
        "validation loss": rounded(sum(losses) / len(losses)),
        "validation read": rounded(100 * read),
    }


def raced(
    problem: str,
    name: str,
    rate: float,
    curves: list[list[float]] | None,
    networks: list[MLP],
    test: Labelled,
) -> list[Row]:
    """A row for each seed, with the training loss after each third of the epochs."""
    if curves is None:
        raise RuntimeError(f"{name} with rate {rate:g} on {problem} went astray with other seeds")
    read = accuracies(networks, test.inputs, test.targets).tolist()
    third = max(1, len(curves[0]) // 3)
    return [
        {
            "problem": problem,
            "optimizer": name,
            "rate": rounded(rate),
            "seed": seed,
            "loss after a third": rounded(curve[third - 1]),
            "loss after two thirds": rounded(curve[2 * third - 1 if len(curve) > 1 else 0]),
            "loss at the end": rounded(curve[-1]),
            "test read": rounded(100 * share),
        }
        for seed, curve, share in zip(SEEDS, curves, read, strict=True)
    ]


def rounded(number: float) -> float:
    """Four digits."""
    return float(f"{number:.4g}") if math.isfinite(number) else number


if __name__ == "__main__":
    sys.exit(main())
