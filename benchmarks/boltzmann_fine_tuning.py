"""A deep belief network turned into a classifier, beside the same network from random weights."""

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from deepbook.boltzmann import DBN
    from deepbook.data import Digits

TITLE = "MNIST-5k, 784-500-500-10: test accuracy in per cent, from pretrained and random weights"
PACKAGES = ("torch",)
RATES = (1e-3, 3e-3, 1e-2)


def measure(quick: bool) -> list[dict[str, float | str | None]]:
    """Two rows for each number of labels; seeds are paired: same labels, same order."""
    import deepbook

    train, test = deepbook.data.mnist5k().train, deepbook.data.mnist5k().test
    fit, validation = train.split()
    rows: list[dict[str, float | str | None]] = []
    # labels a class for choosing and for the table, seeds for both, epochs
    for choosing, final, tries, seeds, epochs in ((40, 40, 2, 10, 60), (320, 400, 1, 3, 30)):
        tries, seeds, epochs = (1, 2, 2) if quick else (tries, seeds, epochs)
        # the learning rate of each is chosen on digits of the training set
        chosen = {}
        for kind in ("pretrained", "random"):
            tried = {
                rate: runs(kind, fit, validation, choosing, tries, epochs, rate, quick)
                for rate in RATES
            }
            chosen[kind] = max(tried, key=lambda rate: statistics.mean(tried[rate]))
        results = {
            kind: runs(kind, train, test, final, seeds, epochs, rate, quick)
            for kind, rate in chosen.items()
        }
        gains = [a - b for a, b in zip(results["pretrained"], results["random"], strict=True)]
        for kind, scores in results.items():
            rows.append(
                {
                    "labels": 10 * final,
                    "weights": kind,
                    "learning rate": chosen[kind],
                    "seeds": seeds,
                    "accuracy": round(statistics.mean(scores), 2),
                    "spread": round(statistics.stdev(scores), 2),
                    "gain": round(statistics.mean(gains), 2) if kind == "pretrained" else None,
                    "smallest gain": round(min(gains), 2) if kind == "pretrained" else None,
                }
            )
    return rows


def runs(
    kind: str,
    learn: "Digits",
    test: "Digits",
    count: int,
    seeds: int,
    epochs: int,
    rate: float,
    quick: bool,
) -> list[float]:
    """Test accuracy in per cent for each seed; ``count`` labels a class."""
    import torch
    from torch.nn.functional import cross_entropy

    from deepbook.boltzmann import network_from_dbn
    from deepbook.feedforward import MLP
    from deepbook.training import accuracy, evaluate, fit

    inputs, results = binary(learn.inputs), []
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        chosen = per_class(learn.targets, count, generator)
        if kind == "pretrained":
            network = network_from_dbn(pretrained(inputs, quick), 10, generator=generator)
        else:
            network = MLP((784, 500, 500, 10), "sigmoid", generator=generator)
        fit(
            network,
            inputs[chosen],
            learn.targets[chosen],
            loss=cross_entropy,
            optimizer=torch.optim.Adam(network.parameters(), lr=rate),
            epochs=epochs,
            batch_size=50 if count < 100 else 100,
            generator=torch.Generator().manual_seed(seed),
        )
        results.append(100 * evaluate(network, binary(test.inputs), test.targets, accuracy))
    return results


_KEPT: "dict[int, DBN]" = {}


def pretrained(inputs: "Tensor", quick: bool) -> "DBN":
    """Two machines, each by CD-1, without labels; one for each set of digits."""
    import torch

    from deepbook.boltzmann import DBN, RBM, ContrastiveDivergence, linear_decay, train

    if len(inputs) not in _KEPT:
        generator = torch.Generator().manual_seed(0)
        settings: dict[str, Any] = {
            "epochs": 1 if quick else 30,
            "batch_size": 100,
            "learning_rate": 0.1,
            "momentum": 0.5,
            "weight_decay": 2e-4,
            "schedule": linear_decay,
            "generator": generator,
        }
        rbm = RBM(784, 500, generator=generator)
        rbm.initialize_biases_(inputs)
        train(rbm, inputs, ContrastiveDivergence(generator=generator), **settings)
        dbn = DBN(rbm)
        top = dbn.grow(500, generator=generator)
        with torch.no_grad():
            hidden = dbn.recognise(inputs)[-1]
        train(top, hidden, ContrastiveDivergence(generator=generator), **settings)
        _KEPT[len(inputs)] = dbn
    return _KEPT[len(inputs)]


def per_class(targets: "Tensor", count: int, generator: "Generator") -> "Tensor":
    """Places of ``count`` examples of each class, drawn at random."""
    import torch

    places = []
    for label in range(10):
        of_class = (targets == label).nonzero()[:, 0]
        places.append(of_class[torch.randperm(len(of_class), generator=generator)[:count]])
    return torch.cat(places)


def binary(inputs: "Tensor") -> "Tensor":
    """Pixels that are on, in the inputs' dtype."""
    return (inputs > 0.5).to(inputs.dtype)
