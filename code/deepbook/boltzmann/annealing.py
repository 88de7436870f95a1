"""Annealed importance sampling, in both directions."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy_model import EnergyModel
from deepbook.boltzmann.estimates import Estimate
from deepbook.boltzmann.layered import LayeredMachine
from deepbook.boltzmann.rbm import RBM
from deepbook.boltzmann.states import bernoulli
from deepbook.watching import progress

__all__ = ["ais", "annealing_path", "reverse_ais"]


@torch.no_grad()
def ais(
    model: EnergyModel,
    base: EnergyModel | None = None,
    temperatures: int | Sequence[float] = 1000,
    chains: int = 100,
    generator: torch.Generator | None = None,
) -> Estimate:
    """Annealed importance sampling of ``log Z`` (Neal 2001; section 18.7.1).

    Every chain starts at an exact draw of the base and follows the machines between it and the
    model. Before each step it multiplies its weight by the ratio of the next machine's ``p*`` to
    this one's; the step is then one of the next machine.

    Parameters
    ----------
    model : EnergyModel
    base : EnergyModel, optional
        A machine without couplings; ``model.without_couplings()`` if not given. One with the
        base rates of the data, ``model.without_couplings(data)``, needs fewer temperatures.
    temperatures : int or increasing sequence from 0 to 1
        The inverse temperatures ``beta``; a number means so many equal steps. Ten times as many
        do more good than ten times the chains.
    chains : int
    generator : torch.Generator, optional

    Returns
    -------
    Estimate
        ``log_z`` tends to be too small.

    Raises
    ------
    ValueError
        If the temperatures do not rise from 0 to 1, there are fewer than 2 chains, the base has
        couplings, or a weight is not finite.
    """
    base = model.without_couplings() if base is None else base
    log_z_base = float(base.log_partition_without_couplings())
    if chains < 2:
        raise ValueError(f"expected at least 2 chains, got {chains}")
    # without couplings, one step from anywhere is an exact draw
    state = base.gibbs_step(base.initial_state(chains), generator)
    betas = _inverse_temperatures(temperatures)
    log_weights = _anneal(annealing_path(base, model), state, betas, generator)
    return Estimate.from_log_weights(log_weights, log_z_base)


@torch.no_grad()
def reverse_ais(
    model: EnergyModel,
    samples: Tensor,
    base: EnergyModel | None = None,
    temperatures: int | Sequence[float] = 1000,
    generator: torch.Generator | None = None,
) -> Estimate:
    """Annealed importance sampling from the model to the base (Burda et al. 2015).

    Parameters
    ----------
    model, base, temperatures, generator
        As in ``ais``.
    samples : Tensor, shape (chains, *state shape)
        Exact samples of the model: then ``log_z`` is too large on average. From the end of long
        Gibbs runs, which may have missed a mode, it is a diagnostic and no bound.

    Returns
    -------
    Estimate
        ``log_z`` tends to be too large.

    Raises
    ------
    ValueError
        As in ``ais``.
    """
    base = model.without_couplings() if base is None else base
    log_z_base = float(base.log_partition_without_couplings())
    betas = _inverse_temperatures(temperatures)[::-1]
    log_weights = _anneal(annealing_path(base, model), samples, betas, generator)
    return Estimate.from_log_weights(log_weights, log_z_base, reverse=True)


class AnnealingPath:
    """The machines between a base and a model, for any kind of machine."""

    def __init__(self, base: EnergyModel, model: EnergyModel) -> None:
        self.base, self.model = base, model
        self._last: tuple[float, EnergyModel] | None = None

    def cross(
        self, state: Tensor, here: float, there: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Go from one inverse temperature to the next.

        Returns
        -------
        log_ratio : Tensor, shape (N,)
            Of ``p*`` at ``there`` to that at ``here``, for ``state``.
        next_state : Tensor
            After a step of the machine at ``there``.
        """
        before, after = self._machine(here), self._machine(there)
        log_ratio = after.log_unnormalised(state) - before.log_unnormalised(state)
        return log_ratio, after.gibbs_step(state, generator)

    def _machine(self, beta: float) -> EnergyModel:
        if self._last is None or self._last[0] != beta:
            self._last = (beta, self.model.between(self.base, beta))
        return self._last[1]


class RBMPath(AnnealingPath):
    """The same for an RBM and a base without couplings: one product with ``W`` each way.

    All machines on the way have the weights ``beta W``, so one product serves them all.
    """

    def __init__(self, base: RBM, model: RBM) -> None:
        super().__init__(base, model)
        self._weight = model.weight.detach()
        self._weight_transposed = self._weight.T.contiguous()
        self._visible = base.visible_bias.detach(), model.visible_bias.detach()
        self._hidden = base.hidden_bias.detach(), model.hidden_bias.detach()
        self._visible_change = self._visible[1] - self._visible[0]

    def cross(
        self, state: Tensor, here: float, there: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """As above."""
        base, model = self._hidden
        hidden_input = torch.addmm(model, state, self._weight)
        before = torch.lerp(base, hidden_input, here)
        after = torch.lerp(base, hidden_input, there)
        # differences of each unit first: sums of hundreds of nats would round
        log_ratio = (there - here) * (state @ self._visible_change)
        log_ratio += (softplus(after) - softplus(before)).sum(-1)
        hidden = bernoulli(after.sigmoid_(), generator)
        base, model = self._visible
        visible_input = torch.addmm(model, hidden, self._weight_transposed)
        return log_ratio, bernoulli(torch.lerp(base, visible_input, there).sigmoid_(), generator)


class LayeredPath(AnnealingPath):
    """The same for a deep machine and a base without couplings."""

    def __init__(self, base: LayeredMachine, model: LayeredMachine) -> None:
        super().__init__(base, model)
        self._layered = model
        self._base = [bias.detach() for bias in base.biases]
        pairs = zip(model.biases[1::2], base.biases[1::2], strict=True)
        self._odd_change = torch.cat([theirs.detach() - ours.detach() for theirs, ours in pairs])

    def cross(
        self, state: Tensor, here: float, there: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """As above."""
        layers = self._layered.with_odd(state)
        log_ratio = (there - here) * (state @ self._odd_change)
        for index in range(0, len(layers), 2):
            total = self._layered.layer_input(layers, index)
            before = torch.lerp(self._base[index], total, here)
            after = torch.lerp(self._base[index], total, there)
            log_ratio += (softplus(after) - softplus(before)).sum(-1)
            layers[index] = bernoulli(after.sigmoid_(), generator)
        for index in range(1, len(layers), 2):
            total = self._layered.layer_input(layers, index)
            mean = torch.lerp(self._base[index], total, there).sigmoid_()
            layers[index] = bernoulli(mean, generator)
        return log_ratio, torch.cat(layers[1::2], -1)


def annealing_path(base: EnergyModel, model: EnergyModel) -> AnnealingPath:
    """The fastest path between two machines."""
    if type(model) is RBM and type(base) is RBM and not base.weight.count_nonzero():
        return RBMPath(base, model)
    if (
        isinstance(model, LayeredMachine)
        and isinstance(base, LayeredMachine)
        and not any(weight.count_nonzero() for weight in base.weights)
    ):
        return LayeredPath(base, model)
    return AnnealingPath(base, model)


def _anneal(
    path: AnnealingPath,
    state: Tensor,
    betas: Sequence[float],
    generator: torch.Generator | None,
) -> Tensor:
    log_weights = torch.zeros(len(state), dtype=torch.float64, device=state.device)
    for here, there in progress(list(pairwise(betas)), "annealing"):
        log_ratio, state = path.cross(state, here, there, generator)
        log_weights += log_ratio
    return log_weights


def _inverse_temperatures(temperatures: int | Sequence[float]) -> list[float]:
    if isinstance(temperatures, int):
        if temperatures < 1:
            raise ValueError(f"expected at least 1 step between temperatures, got {temperatures}")
        return [step / temperatures for step in range(temperatures + 1)]
    betas = [float(beta) for beta in temperatures]
    rising = all(here < there for here, there in pairwise(betas))
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not rising:
        raise ValueError("expected inverse temperatures that rise from 0 to 1")
    return betas
