"""An estimate of ``log Z`` that tells how far to trust it."""

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

__all__ = ["BridgeEstimate", "Estimate", "bridge"]

NORMAL_95 = 1.959964
"""A normal variable is within this many standard deviations of its mean with 95 %."""


@dataclass(frozen=True)
class Estimate:
    """``log Z`` from importance weights (Goodfellow et al. 2016, section 18.7).

    Attributes
    ----------
    log_z : float
        In nats. ``Z`` is right on average; so, by Jensen's inequality, ``log_z`` is too small on
        average, or too large where the samples come from the model (``reverse``).
    standard_error : float
        Of ``log_z``, from the spread of the weights: blind to modes that no chain has seen.
    interval : tuple of float
        95 % interval of ``log_z``, from that of the mean weight.
    effective_sample_size : float
        ``(sum w)^2 / sum w^2``: so many equal weights would be as good. With a handful, nothing
        above can be believed.
    log_weights : Tensor, shape (chains,)
        In float64; the mean of ``exp(log_weights)`` estimates ``Z / Z_base``, or
        ``Z_base / Z`` in reverse.
    reverse : bool
        Whether the chains ran from the model to the base.
    """

    log_z: float
    standard_error: float
    interval: tuple[float, float]
    effective_sample_size: float
    log_weights: Tensor = field(repr=False)
    reverse: bool = False

    @classmethod
    def from_log_weights(
        cls, log_weights: Tensor, log_z_base: float = 0.0, *, reverse: bool = False
    ) -> Self:
        """The estimate that these weights make.

        Parameters
        ----------
        log_weights : Tensor, shape (chains,)
        log_z_base : float
            ``log Z`` of the base, known exactly.
        reverse : bool
            Whether the weights estimate ``Z_base / Z``.

        Raises
        ------
        ValueError
            If there are fewer than 2 weights, or one is not finite.
        """
        if log_weights.ndim != 1 or len(log_weights) < 2:
            raise ValueError(
                f"expected log weights of at least 2 chains, got shape {tuple(log_weights.shape)}"
            )
        if not log_weights.isfinite().all():
            raise ValueError("expected finite log weights: are the parameters finite?")
        log_weights = log_weights.detach().double()
        count = len(log_weights)
        log_mean = float(torch.logsumexp(log_weights, 0)) - math.log(count)
        relative = (log_weights - log_mean).exp()  # weights whose mean is 1
        # the delta method: the error of a logarithm is the relative error
        error = float(relative.std()) / math.sqrt(count)
        low, high = 1 - NORMAL_95 * error, 1 + NORMAL_95 * error
        ends = (log_mean + (math.log(low) if low > 0 else -math.inf), log_mean + math.log(high))
        sign = -1 if reverse else 1
        bottom, top = sorted(log_z_base + sign * end for end in ends)
        return cls(
            log_z=log_z_base + sign * log_mean,
            standard_error=error,
            interval=(bottom, top),
            effective_sample_size=count / float(relative.square().mean()),
            log_weights=log_weights,
            reverse=reverse,
        )

    @property
    def log_z_base(self) -> float:
        """``log Z`` of the base."""
        log_mean = float(torch.logsumexp(self.log_weights, 0)) - math.log(len(self.log_weights))
        return self.log_z - (-log_mean if self.reverse else log_mean)


@dataclass(frozen=True)
class BridgeEstimate:
    """``log Z`` from chains of both directions.

    Attributes
    ----------
    log_z, standard_error : float
        In nats.
    overlap : float
        1 where both directions look alike, 0 where none could be a run of the other.
    """

    log_z: float
    standard_error: float
    overlap: float


def bridge(forward: Estimate, backward: Estimate) -> BridgeEstimate:
    """Bridge sampling with the best bridge: the acceptance ratio (Bennett 1976).

    It weighs every run by how well it could come from the other direction (section 18.7.2). Runs
    of one temperature only give the plain bridge between base and model.

    Parameters
    ----------
    forward, backward : Estimate
        Of ``ais`` and ``reverse_ais`` with the same base and temperatures, of chains with
        detailed balance; the backward runs start at exact samples.

    Raises
    ------
    ValueError
        If the estimates are not of opposite directions, or have another base.
    """
    if forward.reverse or not backward.reverse:
        raise ValueError("expected an estimate of ais and then one of reverse_ais")
    if not math.isclose(forward.log_z_base, backward.log_z_base, rel_tol=1e-5):
        raise ValueError(
            "expected both estimates to have the same base, got log Z of the base "
            f"{forward.log_z_base:.3f} and {backward.log_z_base:.3f}"
        )
    here, there = len(forward.log_weights), len(backward.log_weights)
    log_ratio = math.log(there / here)
    # a backward run, read from its end, would as a forward run have the opposite weight
    works = torch.cat([forward.log_weights, -backward.log_weights])
    low, high = float(works.min()) - abs(log_ratio) - 40, float(works.max()) + abs(log_ratio) + 40

    def shares(log_z: float) -> tuple[Tensor, Tensor]:
        signed = works - log_z + log_ratio
        return signed[:here].sigmoid(), (-signed[here:]).sigmoid()

    # as log Z rises, forward runs lose and backward runs gain: halve the bracket
    while high - low > 1e-10 * max(1.0, abs(high)):
        middle = (low + high) / 2
        ours, theirs = shares(middle)
        low, high = (middle, high) if ours.sum() > theirs.sum() else (low, middle)
    ours, theirs = shares((low + high) / 2)
    variance = sum(
        (float(share.square().mean() / share.mean().square()) - 1) / len(share)
        for share in (ours, theirs)
    )
    return BridgeEstimate(
        log_z=forward.log_z_base + (low + high) / 2,
        standard_error=math.sqrt(max(variance, 0.0)),
        overlap=float(ours.sum()) * (1 / here + 1 / there),
    )
