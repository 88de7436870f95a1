"""The likelihood that a second of training buys at 784-500, beside other packages.

The machine is too large for an exact likelihood, so both sides are given. Everybody trains with
the arithmetic that :mod:`boltzmann_speed` calls medium, except scikit-learn, which has none.
"""

import statistics
from dataclasses import replace

import torch
from boltzmann_likelihood import Row, Task, best_rate, methods, trainings
from boltzmann_quality import binary, both_sides

import deepbook
from deepbook.boltzmann import TwoSidedLikelihood

TITLE = (
    "RBMs 784-500 on MNIST-5k binarised at 0.5, 30 epochs in batches of 100: test log-likelihood "
    "in nats by AIS (10,000 temperatures, 100 chains) and by reverse AIS after 5,000 Gibbs steps, "
    "mean over 3 seeds, and processor seconds of a training"
)
PACKAGES = ("torch", "numpy", "scikit-learn", "rbms")
TASK = Task(hidden=500, batch=100, epochs=30, rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0))
METHODS = methods(precision="medium")


def measure(quick: bool) -> list[Row]:
    """Rates are chosen on held-out training digits by the lower of the two sides.

    After Gibbs runs from digits the backward side is no bound: it may be the higher one.
    """
    torch.set_float32_matmul_precision("medium")  # what rbms uses
    task = replace(TASK, epochs=1, rates=TASK.rates[:1], seeds=1) if quick else TASK
    short, long = (20, 20) if quick else (1000, 10_000)
    digits = deepbook.data.mnist5k()
    train, test = binary(digits.train.images), binary(digits.test.images)
    fit, validation = (binary(part.images) for part in digits.train.split())
    rows: list[Row] = []
    for method, learn in METHODS.items():
        chosen = best_rate(
            learn, task, fit, lambda model: lower(both_sides(model, fit, validation, short))
        )
        results, seconds = [], []
        for model, taken in trainings(learn, task, train, chosen):
            seconds.append(taken)
            results.append(both_sides(model, train, test, long))
        samples = min(float(result.forward.effective_sample_size) for result in results)
        rows.append(
            {
                "method": method,
                "learning rate": chosen,
                "test log-likelihood": round(statistics.mean(r.optimistic for r in results), 2),
                "pessimistic": round(statistics.mean(r.pessimistic for r in results), 2),
                "worst seed": round(min(lower(r) for r in results), 2),
                "smallest sample size": round(samples, 1),
                "seconds": round(statistics.mean(seconds), 2),
            }
        )
        print(rows[-1], flush=True)
    return rows


def lower(result: TwoSidedLikelihood) -> float:
    """The worse of the two sides."""
    return min(result.optimistic, result.pessimistic)
