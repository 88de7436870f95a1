"""The machines between a base without couplings and a model, and how to go along them."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.machines.layered_machine import LayeredMachine
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.units import bernoulli

__all__ = ["AnnealingPath", "LayeredPath", "RBMPath", "annealing_path"]


class AnnealingPath:
    """The machines between a base and a model, for any kind of machine.

    It takes states as they are: whoever starts a chain checks where.
    """

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
        log_ratio = after._log_unnormalised(state) - before._log_unnormalised(state)
        return log_ratio, after._gibbs_step(state, generator)

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
        layers = self._layered._with_odd(state)
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
    if type(model) is RBM and type(base) is RBM and not base.has_couplings():
        return RBMPath(base, model)
    if (
        isinstance(model, LayeredMachine)
        and isinstance(base, LayeredMachine)
        and not base.has_couplings()
    ):
        return LayeredPath(base, model)
    return AnnealingPath(base, model)
