"""The likelihood that a second of training buys at 784-500, beside other packages.

The machine is too large for an exact likelihood, so both sides are given. Everybody trains with
the arithmetic that :mod:`boltzmann_speed` calls medium, except scikit-learn, which has none.
"""

import statistics
import time
from dataclasses import replace

import torch
from boltzmann_likelihood import Row, Task, ours, rbms, scikit_learn, trained
from boltzmann_quality import CHAINS, binary

import deepbook
from deepbook.boltzmann import RBM, TwoSidedLikelihood, linear_decay, two_sided_log_likelihood

TITLE = (
    "RBMs 784-500 on MNIST-5k binarised at 0.5, 30 epochs in batches of 100: test log-likelihood "
    "in nats by AIS (10,000 temperatures, 100 chains) and by reverse AIS after 5,000 Gibbs steps, "
    "mean over 3 seeds, and processor seconds of a training"
)
PACKAGES = ("torch", "numpy", "scikit-learn", "rbms")
TASK = Task(hidden=500, batch=100, epochs=30, rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0))
MEDIUM = {"precision": "medium"}
METHODS = {
    "scikit-learn (PCD-1)": scikit_learn,
    "rbms (PCD-1, centred)": rbms,
    "train_fast, CD-1": ours(**MEDIUM),
    "train_fast, PCD-1": ours(persistent=True, **MEDIUM),
    "train_fast, PCD-1, falling": ours(persistent=True, schedule=linear_decay, **MEDIUM),
    "train_fast, PCD-1, centred, falling": ours(
        persistent=True, schedule=linear_decay, offset_rate=0.01, **MEDIUM
    ),
}


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
        found = {
            rate: lower(score(trained(learn, task, fit, rate, 0), fit, validation, short))
            for rate in task.rates
        }
        chosen = max(found, key=lambda rate: found[rate])
        results, seconds = [], []
        for seed in range(1, task.seeds + 1):
            start = time.process_time()
            model = trained(learn, task, train, chosen, seed)
            seconds.append(time.process_time() - start)
            results.append(score(model, train, test, long))
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
        print(rows[-1], found, flush=True)
    return rows


def lower(result: TwoSidedLikelihood) -> float:
    """The worse of the two sides."""
    return min(result.optimistic, result.pessimistic)


def score(
    model: RBM, train: torch.Tensor, visible: torch.Tensor, temperatures: int
) -> TwoSidedLikelihood:
    """Both sides; the backward one starts from training digits."""
    return two_sided_log_likelihood(
        model,
        visible,
        starts=train[torch.randperm(len(train))[:CHAINS]],
        base=model.without_couplings(train),
        temperatures=temperatures,
        chains=CHAINS,
        steps=temperatures // 2,
    )
