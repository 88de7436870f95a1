"""Exact test log-likelihood that training reaches, and the seconds it takes, beside others."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch

import deepbook
from deepbook.boltzmann import RBM, log_likelihood, train_fast
from deepbook.training import linear_decay

TITLE = (
    "RBMs of 16 hidden units on 8x8 digits, 50 epochs in batches of 20: exact test log-likelihood "
    "in nats, mean over 3 seeds, and processor seconds of a training"
)
PACKAGES = ("torch", "numpy", "scikit-learn", "rbms")


@dataclass(frozen=True)
class Task:
    """What everybody has to learn, and how long."""

    hidden: int
    batch: int
    epochs: int
    rates: tuple[float, ...]
    seeds: int = 3


SMALL = Task(hidden=16, batch=20, epochs=50, rates=(0.02, 0.05, 0.1, 0.2, 0.5))
Fit = Callable[[Task, torch.Tensor, float], RBM]
Row = dict[str, float | str | None]


def measure(quick: bool) -> list[Row]:
    """Learning rates are chosen on a fifth of the training digits, the test digits read once."""
    digits = deepbook.data.digits8x8()
    train, test = ((part.inputs > 0.5).float() for part in (digits.train, digits.test))
    fit, validation = ((part.inputs > 0.5).float() for part in digits.train.split())
    task = replace(SMALL, epochs=2, rates=SMALL.rates[:1], seeds=1) if quick else SMALL
    rows: list[Row] = []
    for method, learn in METHODS.items():
        chosen = best_rate(learn, task, fit, lambda model: score(model, validation))
        values, seconds = [], []
        for model, taken in trainings(learn, task, train, chosen):
            seconds.append(taken)
            values.append(score(model, test))
        rows.append(
            {
                "method": method,
                "learning rate": chosen,
                "test log-likelihood": round(statistics.mean(values), 2),
                "worst seed": round(min(values), 2),
                "seconds": round(statistics.mean(seconds), 2),
            }
        )
    return rows


def trained(learn: Fit, task: Task, data: torch.Tensor, rate: float, seed: int) -> RBM:
    """One training from this seed."""
    deepbook.seed(seed)
    return learn(task, data, rate)


def best_rate(learn: Fit, task: Task, fit: torch.Tensor, judge: Callable[[RBM], float]) -> float:
    """The learning rate whose machine gets the highest mark."""
    found = {rate: judge(trained(learn, task, fit, rate, 0)) for rate in task.rates}
    return max(found, key=lambda rate: found[rate])


def trainings(
    learn: Fit, task: Task, train: torch.Tensor, rate: float
) -> Iterator[tuple[RBM, float]]:
    """A machine from each seed, and the processor seconds of its training."""
    for seed in range(1, task.seeds + 1):
        start = time.process_time()
        model = trained(learn, task, train, rate, seed)
        yield model, time.process_time() - start


@torch.no_grad()
def score(model: RBM, visible: torch.Tensor) -> float:
    """Exact mean log-likelihood."""
    return float(log_likelihood(model, visible).mean())


def ours(**settings: object) -> Fit:
    """``train_fast`` with these settings."""

    def learn(task: Task, data: torch.Tensor, rate: float) -> RBM:
        model = RBM(data.shape[1], task.hidden)
        model.initialize_biases_(data)
        train_fast(
            model,
            data,
            epochs=task.epochs,
            batch_size=task.batch,
            learning_rate=rate,
            **settings,
        )
        return model

    return learn


def scikit_learn(task: Task, data: torch.Tensor, rate: float) -> RBM:
    """``BernoulliRBM.fit`` of shuffled digits, which it does not shuffle itself."""
    import numpy as np
    from sklearn.neural_network import BernoulliRBM

    theirs = BernoulliRBM(task.hidden, learning_rate=rate, batch_size=task.batch)
    state = np.random.randint(2**31)  # noqa: NPY002, the seed set it
    theirs.set_params(n_iter=task.epochs, random_state=state)
    theirs.fit(data[torch.randperm(len(data))].numpy())
    return as_rbm(
        torch.from_numpy(theirs.components_).T,
        torch.from_numpy(theirs.intercept_visible_),
        torch.from_numpy(theirs.intercept_hidden_),
    )


@torch.no_grad()
def rbms(task: Task, data: torch.Tensor, rate: float) -> RBM:
    """The loop of ``rbms.training.pcd.train`` with what it does unless told otherwise: centred
    gradients of norm 1.
    """
    from rbms.bernoulli_bernoulli import BBRBM
    from rbms.bernoulli_bernoulli.implement import _init_parameters
    from rbms.training.pcd import fit_batch_pcd

    visible_bias, hidden_bias, weight = _init_parameters(
        task.hidden, data, torch.device("cpu"), torch.float32
    )
    theirs = BBRBM(weight, visible_bias, hidden_bias)
    theirs.init_grad()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=rate, maximize=True)
    chains, weights = theirs.init_chains(task.batch), torch.ones(len(data))
    for _ in range(task.epochs * len(data) // task.batch):
        index = torch.randperm(len(data))[: task.batch]
        chains, _ = fit_batch_pcd((data[index], weights[index]), chains, theirs, 1, 1.0)
        optimizer.step()
    return as_rbm(theirs.weight_matrix, theirs.vbias, theirs.hbias)


@torch.no_grad()
def as_rbm(weight: torch.Tensor, visible_bias: torch.Tensor, hidden_bias: torch.Tensor) -> RBM:
    """The same machine as one of ours."""
    model = RBM(*weight.shape)
    model.weight.copy_(weight)
    model.visible_bias.copy_(visible_bias)
    model.hidden_bias.copy_(hidden_bias)
    return model


def methods(**shared: object) -> Mapping[str, Fit]:
    """Everybody who takes part; ``shared`` are settings of all of ``train_fast``'s."""
    falling = {"persistent": True, "schedule": linear_decay, **shared}
    return {
        "scikit-learn (PCD-1)": scikit_learn,
        "rbms (PCD-1, centred)": rbms,
        "train_fast, CD-1": ours(**shared),
        "train_fast, PCD-1": ours(persistent=True, **shared),
        "train_fast, PCD-1, falling": ours(**falling),
        "train_fast, PCD-1, centred, falling": ours(offset_rate=0.01, **falling),
    }


METHODS = methods()
