"""What a second hidden layer adds to the test likelihood, for a first layer small and large."""

import math
import time
from collections.abc import Callable
from copy import deepcopy

import torch
from boltzmann_quality import Recipe, binary, learn, warped
from torch import Tensor

import deepbook
from deepbook.boltzmann import (
    DBM,
    DBN,
    RBM,
    Centred,
    EnergyModel,
    GradientEstimator,
    PersistentContrastiveDivergence,
    UpDown,
    ais,
    log_partition,
    reverse_ais,
    train,
)

TITLE = (
    "MNIST-5k binarised at 0.5, nats: a restricted machine, and deep ones that begin as it; log Z "
    "exact for 20 units, else by AIS (10,000 temperatures, 100 chains) and by reverse AIS after "
    "5,000 Gibbs steps"
)
PACKAGES = ("torch",)
RECIPES = (
    Recipe("", hidden=20, steps=1, rate=0.3, decay=0.0, epochs=60),
    Recipe("", warp=1.0, epochs=240, decay=5e-4),
)
EPOCHS, SLOWER = 20, 3  # of all machines after the first, beside its rate; on validation digits
LINKS = [(f"weights.{i}", f"biases.{i}", f"biases.{i + 1}") for i in range(2)]

Row = dict[str, float | str | None]


def measure(quick: bool) -> list[Row]:
    """Five rows for each size of the first layer; all but the first go on from the first."""
    digits = deepbook.data.mnist5k()
    test = binary(digits.test.images)
    rows: list[Row] = []
    for recipe in RECIPES:
        deepbook.seed(0)
        second = Second(recipe, digits.train.images, 1 if quick else EPOCHS)
        start = time.process_time()
        rbm = learn(Recipe(**{**vars(recipe), "epochs": 1}) if quick else recipe, second.images)
        seconds = time.process_time() - start
        machines: dict[str, Callable[[RBM], DBN | DBM]] = {
            "RBM": DBN,
            "RBM, as long as the others": second.longer,
            "DBN": second.deep_belief,
            "DBN, then up-down": second.up_down,
            "DBM": second.deep_boltzmann,
        }
        for name, make in machines.items():
            start = time.process_time()
            model = make(deepcopy(rbm))
            more = time.process_time() - start
            rows.append({"machine": name, "layers": "-".join(map(str, model.sizes))})
            rows[-1]["processor seconds"] = round(seconds + more, 1)
            rows[-1] |= judge(model, binary(second.images), test, 50 if quick else 10_000)
            print(rows[-1], flush=True)
    return rows


class Second:
    """The second phase, with the first one's digits."""

    def __init__(self, recipe: Recipe, images: Tensor, epochs: int) -> None:
        self.recipe, self.images, self.epochs = recipe, images, epochs
        self.rate = recipe.rate / SLOWER

    def climb(
        self,
        model: EnergyModel,
        estimator: GradientEstimator,
        inputs: Callable[[Tensor], Tensor] = lambda digits: digits,
    ) -> None:
        """Epochs with a rate that falls, each with digits warped anew if the recipe warps."""
        for epoch in range(self.epochs):
            warp = self.recipe.warp
            images = warped(self.images, warp) if warp else self.images
            train(
                model,
                inputs(binary(images)),
                estimator,
                epochs=1,
                batch_size=100,
                learning_rate=self.rate * (1 - epoch / self.epochs),
                weight_decay=self.recipe.decay,
            )

    def longer(self, rbm: RBM) -> DBN:
        """No second layer: what the additional epochs alone are good for."""
        self.climb(rbm, Centred(PersistentContrastiveDivergence(5, chains=100)))
        return DBN(rbm)

    def deep_belief(self, rbm: RBM) -> DBN:
        """The second machine starts as the first turned over, and learns from draws of h1."""
        dbn = DBN(rbm)
        top = dbn.grow()

        @torch.no_grad()
        def hidden(digits: Tensor) -> Tensor:
            return dbn.recognise(digits, sample=True)[-1]

        self.climb(top, Centred(PersistentContrastiveDivergence(5, chains=100)), hidden)
        return dbn

    def up_down(self, rbm: RBM) -> DBN:
        """The same, then all layers together; up and down part."""
        dbn = self.deep_belief(rbm)
        self.climb(dbn, UpDown(3))
        return dbn

    @torch.no_grad()
    def deep_boltzmann(self, rbm: RBM) -> DBM:
        """All layers together, from the first machine and second weights near zero."""
        dbm = DBM((784, rbm.hidden_size, 500), sweeps=5)
        dbm.weights[0].copy_(rbm.weight)
        dbm.biases[0].copy_(rbm.visible_bias)
        dbm.biases[1].copy_(rbm.hidden_bias)
        estimator = Centred(PersistentContrastiveDivergence(5, chains=100), links=LINKS)
        self.climb(dbm, estimator)
        return dbm


@torch.no_grad()
def judge(model: DBN | DBM, data: Tensor, test: Tensor, temperatures: int) -> Row:
    """Bounds on the mean log-likelihood, with log Z from both sides or, if small, exact.

    Averages over 20 draws of the hidden layers that recognition or mean field gives; of the RBM
    the free energy says it exactly. Reverse AIS starts from Gibbs runs, so it is a diagnostic.
    """
    start = data[torch.randperm(len(data))[:100]]
    if isinstance(model, DBN):
        machine, below = model.top, model.recognise(data)[-1]
        state = model.recognise(start, sample=True)[-1]
    else:
        machine, below, state = model, data, model.chain_from_data(start)
    few = min(machine.visible_size, machine.hidden_size) if model is not machine else state.shape[1]
    error = samples = None
    if few <= 20:
        optimistic = pessimistic = float(log_partition(machine))
    else:
        base = machine.without_couplings(below)
        for _ in range(temperatures // 2):
            state = machine.gibbs_step(state)
        forward = ais(machine, base, temperatures)
        optimistic = forward.log_z
        pessimistic = reverse_ais(machine, state, base, temperatures).log_z
        error, samples = round(forward.standard_error, 2), round(forward.effective_sample_size, 1)
    draws = torch.cat([model.log_weights(test, 1) for _ in range(20)])
    bound = float(draws.mean())
    weighted = float((draws.logsumexp(0) - math.log(len(draws))).mean())
    learned = float(torch.cat([model.log_weights(data, 1) for _ in range(5)]).mean())
    return {
        "train bound": round(learned - optimistic, 2),
        "test bound": round(bound - optimistic, 2),
        "pessimistic": round(bound - pessimistic, 2),
        "20 draws weighted": round(weighted - optimistic, 2),
        "pessimistic, weighted": round(weighted - pessimistic, 2),
        "standard error": error,
        "effective sample size": samples,
    }
