"""Small RBMs trained side by side: the same batches and the same coins, other recipes.

A recipe is judged against another one, so everything else should be shared. One call trains all
machines of one seed; what differs between them is what their recipes say. On a CPU it is also the
cheap way: the products of small machines become a few large ones, and 100 machines toss no more
coins than one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.machines.restricted import RBM
from deepbook.training.batches import Minibatches
from deepbook.training.counts import check_count
from deepbook.training.history import NonFiniteError
from deepbook.training.loops import loop
from deepbook.training.schedules import Schedule, constant

__all__ = ["train_many"]

_RECIPE: dict[str, Any] = {
    "learning_rate": 0.1,
    "schedule": constant,
    "persistent": False,
    "offset_rate": None,
    "momentum": 0.0,
    "weight_decay": 0.0,
}


@torch.no_grad()
def train_many(
    models: Sequence[RBM],
    visible: Tensor,
    recipes: Sequence[Mapping[str, Any]],
    *,
    epochs: int,
    batch_size: int,
    steps: int = 1,
    chains: int | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Train each machine by its recipe, all of them on the same batches and random numbers.

    Parameters
    ----------
    models : sequence of RBM
        Of one shape and dtype, on one device; changed in place.
    visible : Tensor, shape (N, visible_size)
    recipes : sequence of mapping
        One for each machine, with any of these keys: ``learning_rate`` (0.1), ``schedule``
        (``constant``), ``momentum`` and ``weight_decay`` (0) as in ``train``; ``persistent``
        (False) for PCD and ``offset_rate`` (None) for a ``Centred`` gradient.
    epochs, batch_size, steps : int
        As in ``train`` and ``ContrastiveDivergence``.
    chains : int, optional
        Of each machine; ``batch_size`` if not given. They start at the examples of a batch, at
        some of them several where there are fewer.
    generator : torch.Generator, optional
        On the CPU, as the models; the global one if not given.

    Raises
    ------
    NonFiniteError
        Before it reaches the parameters; with the machine's place in ``models``.
    ValueError
        If there is not one recipe for each of at least 1 machine, a recipe has another key, or
        shapes or dtypes differ.
    """
    chains = batch_size if chains is None else chains
    counts = {"epoch": epochs, "example in a batch": batch_size, "step": steps, "chain": chains}
    for what, count in (counts | {"machine": len(models)}).items():
        check_count(what, count)
    if len(recipes) != len(models):
        raise ValueError(f"expected {len(models)} recipes, got {len(recipes)}")
    if unknown := {key for recipe in recipes for key in recipe} - _RECIPE.keys():
        raise ValueError(
            f"expected recipes with keys among {sorted(_RECIPE)}, got {sorted(unknown)}"
        )
    kinds = {f"{tuple(model.weight.shape)} in {model.weight.dtype}" for model in models}
    if len(kinds) > 1:
        raise ValueError(f"expected machines of one shape and dtype, got {sorted(kinds)}")
    models[0].check_visible(visible)
    machines = _Machines(models, [_RECIPE | dict(recipe) for recipe in recipes], chains)
    loop(
        lambda batch, done: machines.step(batch, steps, done, generator),
        Minibatches(visible, batch_size=batch_size, generator=generator),
        epochs=epochs,
    )
    machines.give_back(models)


class _Machines:
    """All parameters in one tensor each, machines along the first dimension."""

    def __init__(
        self, models: Sequence[RBM], recipes: Sequence[dict[str, Any]], chains: int
    ) -> None:
        # (M, H, V): seen from the data, one machine with M times the hidden units
        self.weight = torch.stack([model.weight.T for model in models])
        self.b = torch.stack([model.visible_bias for model in models])[:, None]
        self.c = torch.stack([model.hidden_bias for model in models])[:, :, None]
        self.velocity = [torch.zeros_like(t) for t in (self.weight, self.b, self.c)]
        self.schedules: list[Schedule] = [recipe["schedule"] for recipe in recipes]

        def column(numbers: list[float]) -> Tensor:
            return self.weight.new_tensor(numbers)[:, None, None]

        self.rate = column([recipe["learning_rate"] for recipe in recipes])
        self.momentum = column([recipe["momentum"] for recipe in recipes])
        self.decay = column([recipe["weight_decay"] for recipe in recipes])
        self.persistent = column([recipe["persistent"] for recipe in recipes]).bool()
        self.offset_rate = column([recipe["offset_rate"] or 0.0 for recipe in recipes])
        self.centred = column([recipe["offset_rate"] is not None for recipe in recipes])
        # two places more than there are chains, for what centring adds
        count, hidden, visible = self.weight.shape
        self.v = self.weight.new_empty(count, chains + 2, visible)
        self.h = self.weight.new_empty(count, hidden, chains + 2)
        self.chains = chains
        self.state: Tensor | None = None
        self.offsets: tuple[Tensor, Tensor] | None = None

    def step(
        self, batch: Tensor, steps: int, done: float, generator: torch.Generator | None
    ) -> None:
        n, chains, (count, hidden, visible) = len(batch), self.chains, self.weight.shape

        def coins(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, dtype=batch.dtype)

        h_data = (self.weight.flatten(0, 1) @ batch.T).view(count, hidden, n)
        h_data.add_(self.c).sigmoid_()
        h = (h_data > coins(hidden, n)).to(batch)[:, :, torch.arange(chains) % n]
        if self.state is not None:
            h = torch.where(self.persistent, self.state, h)
        v, h_mean = self.v[:, :chains], self.h[:, :, :chains]
        for _ in range(steps):
            # sigmoid(x) > u where x > logit(u): one logit for all machines, and no sigmoid
            pixels = torch.bmm(h.mT, self.weight).add_(self.b)
            torch.gt(pixels, coins(chains, visible).logit_(), out=v)
            h_mean.copy_(torch.bmm(self.weight, v.mT).add_(self.c).sigmoid_())
            h = (h_mean > coins(hidden, chains)).to(batch)
        self.state = h
        self._update(batch, h_data, done)

    def _update(self, batch: Tensor, h_data: Tensor, done: float) -> None:
        n, chains, v, h = len(batch), self.chains, self.v, self.h
        v_mean, h_mean = batch.mean(0).expand_as(self.b), h_data.mean(2, keepdim=True)
        if self.offsets is None:
            self.offsets = self.centred * v_mean, self.centred * h_mean
        mu, lam = self.offsets
        db = v_mean - v[:, :chains].mean(1, keepdim=True)
        dc = h_mean - h[:, :, :chains].mean(2, keepdim=True)
        if not bool((finite := dc.sum((1, 2)).isfinite()).all()):
            place = int(finite.int().argmin())
            raise NonFiniteError(f"the gradient of machine {place} is not finite")
        # dW' = dW - lambda db^T - dc mu^T, and from it the biases: see Centred
        h[:, :, :chains] /= -chains
        v[:, chains], h[:, :, chains] = db[:, 0], -lam[:, :, 0]
        v[:, chains + 1], h[:, :, chains + 1] = mu[:, 0], -dc[:, :, 0]
        db = db - lam.mT @ h_data @ batch / n - lam.mT @ h @ v
        dc = dc - h_data @ (batch @ mu.mT) / n - h @ (v @ mu.mT)
        self.offsets = (
            torch.lerp(mu, self.centred * v_mean, self.offset_rate),
            torch.lerp(lam, self.centred * h_mean, self.offset_rate),
        )
        by_weight, by_b, by_c = self.velocity
        by_weight.mul_(self.momentum).addcmul_(self.weight, self.decay, value=-1)
        by_weight.flatten(0, 1).addmm_(h_data.flatten(0, 1), batch, alpha=1 / n)
        by_weight.baddbmm_(h, v)
        factors = [schedule(done) for schedule in self.schedules]
        rate = self.rate * self.rate.new_tensor(factors)[:, None, None]
        self.weight.addcmul_(by_weight, rate)
        self.b.addcmul_(by_b.mul_(self.momentum).add_(db), rate)
        self.c.addcmul_(by_c.mul_(self.momentum).add_(dc), rate)

    def give_back(self, models: Sequence[RBM]) -> None:
        for place, model in enumerate(models):
            model.weight.copy_(self.weight[place].T)
            model.visible_bias.copy_(self.b[place, 0])
            model.hidden_bias.copy_(self.c[place, :, 0])
