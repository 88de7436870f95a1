"""Machines small enough to enumerate, and the test that counts follow a distribution."""

import pytest
import scipy.stats
import torch
from torch import Tensor

from deepbook.boltzmann import RBM, GradientEstimator, expected_cd_gradient


def make_rbm(visible_size=8, hidden_size=6, *, seed=0, dtype=torch.float64):
    """An RBM whose weights (deviation 1) and biases (0.5) are big enough to matter."""
    generator = torch.Generator().manual_seed(seed)
    rbm = RBM(visible_size, hidden_size, weight_scale=1.0, generator=generator, dtype=dtype)
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


def chi_square_p(samples: Tensor, probability: Tensor, *, smallest: float = 5.0) -> float:
    """p-value of the chi-square test that binary rows follow a distribution.

    ``samples`` (N, units), independent rows of zeros and ones; ``probability`` (2 ** units,) in
    the order of ``all_states``. Rare states are put into one cell: each cell expects ``smallest``
    samples at least.
    """
    place = 2 ** torch.arange(samples.shape[1] - 1, -1, -1)
    counts = torch.bincount((samples.long() * place).sum(1), minlength=len(probability)).double()
    expected = len(samples) * probability.double() / probability.double().sum()
    order = expected.argsort()
    counts, expected = counts[order], expected[order]
    rare = int((expected < smallest).sum())
    while rare and expected[:rare].sum() < smallest:
        rare += 1
    if rare:
        counts = torch.cat([counts[:rare].sum()[None], counts[rare:]])
        expected = torch.cat([expected[:rare].sum()[None], expected[rare:]])
    return float(scipy.stats.chisquare(counts.numpy(), expected.numpy()).pvalue)


@pytest.fixture
def small_rbm():
    """8 visible and 6 hidden units, float64; its chain's second eigenvalue is 0.40."""
    return make_rbm()


@pytest.fixture
def rbm_of():
    """``rbm_of(visible_size, hidden_size, seed=, dtype=)``, as ``small_rbm``."""
    return make_rbm


@pytest.fixture
def goodness_of_fit():
    """``goodness_of_fit(samples, probability)``: the p-value of a chi-square test."""
    return chi_square_p


class ExpectedCD(GradientEstimator):
    """The mean of CD-k, so that ``Centred`` gives the mean of centred CD-k."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def measure(self, model, visible):
        positive = model.data_statistics(visible)
        return expected_cd_gradient(model, visible, self.steps), positive

    def negative_phase(self, model, visible):
        raise NotImplementedError


@pytest.fixture
def expected_cd():
    """``expected_cd(steps)``: an estimator that gives the mean of CD-k."""
    return ExpectedCD


@pytest.fixture
def difference():
    """``difference(after, before, rate)``: what a step moved an RBM by, over its rate."""

    def measure(after, before, rate):
        names = ("weight", "visible_bias", "hidden_bias")
        pairs = ((getattr(after, name), getattr(before, name)) for name in names)
        return torch.cat([(a - b).detach().flatten() / rate for a, b in pairs])

    return measure


@pytest.fixture
def data():
    """40 rows of 8 units, far from what a random machine believes."""
    first, second = (torch.Generator().manual_seed(n) for n in (7, 8))
    patterns = (torch.rand(10, 8, generator=first) < 0.5).double()
    return patterns[torch.randint(10, (40,), generator=second)]
