"""What the live figures compute, in Chromium, against torch on the same numbers."""

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import nn
from torch.nn.functional import conv2d, cross_entropy, max_pool2d

import deepbook
import deepbook.live
from deepbook.boltzmann import RBM, SoftmaxRBM, all_states
from deepbook.boltzmann.learning.expected_cd import expected_cd_gradient
from deepbook.boltzmann.sampling.transition_matrices import visible_transition_matrix
from deepbook.convolution import ConvNet, conv1d, conv_transpose1d, folded_stages
from deepbook.live import (
    CDBias,
    DrawnDigit,
    DropoutMasks,
    FilmRecommender,
    GibbsDream,
    LiveFigure,
    Pronouncer,
    TemperingWalker,
    TextSampler,
    TunePlayer,
    WarpedDigit,
    pack,
)
from deepbook.optimization import LANDSCAPES
from deepbook.regularization import (
    affine_warp,
    all_masks,
    elastic_net_prox,
    exact_ensemble,
    ista,
    weight_scaling,
)
from deepbook.sequence import (
    CharacterModel,
    EncoderDecoder,
    Vocabulary,
    parse_abc,
    played_tune,
    sampling_probabilities,
    synthesize_tune,
    transduce,
)
from deepbook.training import pad as pad_sequences

pytestmark = pytest.mark.browser

SCRIPTS = Path(deepbook.live.__file__).parent
RUN = """async ([module, body, text]) => {
  const m = await import(`/${module}`);
  const { revive } = await import("/packing.js");
  const { generator } = await import("/random.js");
  const queue = (numbers) => { let i = 0; return () => numbers[i++]; };
  const plain = (value) =>
    ArrayBuffer.isView(value) || Array.isArray(value) ? Array.from(value, plain)
    : value !== null && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
      : value;
  const run = new Function("m", "d", "queue", "generator", body);
  return plain(run(m, revive(text), queue, generator));
}"""


@pytest.fixture(scope="module")
def window(browser):
    """A window that finds the package's scripts at its address, and nothing else."""
    context = browser.new_context()

    def serve(route):
        name = urlsplit(route.request.url).path.removeprefix("/")
        if name.endswith(".js"):
            route.fulfill(path=SCRIPTS / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    context.route("**/*", serve)
    page = context.new_page()
    page.goto("http://live.test/")
    yield page
    context.close()


@pytest.fixture
def run(window):
    """Runs the body of a function of (m, d, queue, generator) on data packed for a page.

    ``m`` is a module, ``d`` the data, ``queue(numbers)`` gives them one by one in place of
    random numbers.
    """

    def run_with(module, body, **data):
        return window.evaluate(RUN, [module, body, LiveFigure(module, data, **words())._json])

    return run_with


def words():
    return {"fallback": plt.figure(), "alt": "Nothing.", "label": "Nothing"}


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def close(got, expected):
    got = torch.as_tensor(got, dtype=torch.float64)
    torch.testing.assert_close(got, expected.detach().double(), rtol=0, atol=1e-5)


def rbm_of(figure, kind=RBM):
    """The machine that a figure computes with, its numbers after packing, in float64."""
    told = {name: torch.tensor(a) for name, a in figure.decoded["machine"].items()}
    machine = kind(*told["weight"].shape, dtype=torch.float64)
    machine.load_state_dict(told)
    return machine


# packing


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_arrays_arrive_bit_by_bit(run, dtype):
    spread = torch.logspace(-9, 4, 99).reshape(33, 3)
    packed = pack(torch.cat([spread, -spread, torch.zeros(1, 3)]), dtype)
    got = run("packing.js", "return [d.array, d.array.shape]", array=packed)
    np.testing.assert_array_equal(np.float32(got[0]), packed.unpack().ravel())
    assert got[1] == [67, 3]


def test_every_finite_float16_is_read_right(run):
    bits = np.arange(2**16, dtype=np.uint16)
    values = bits.view(np.float16)
    finite = np.isfinite(values)
    got = run("packing.js", "return Array.from({ length: 65536 }, (_, i) => m.half(i) || 0)")
    expected = values[finite].astype(np.float64)
    assert (np.array(got, dtype=np.float64)[finite] == expected).all()


def test_whole_numbers_and_texts_arrive(run):
    got = run("packing.js", "return d", bytes=pack([0, 255], "uint8"), text="<é", list=[1, [2]])
    assert got == {"bytes": [0, 255], "text": "<é", "list": [1, [2]]}


# random numbers


def mulberry32(seed, count):
    def multiply(a, b):
        return (a * b) & 0xFFFFFFFF

    state, numbers = seed, []
    for _ in range(count):
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        bits = multiply(state ^ (state >> 15), state | 1)
        bits ^= (bits + multiply(bits ^ (bits >> 7), bits | 61)) & 0xFFFFFFFF
        numbers.append((bits ^ (bits >> 14)) / 2**32)
    return numbers


def test_random_numbers_are_those_of_their_seed(run):
    body = "const r = generator(d.seed); return Array.from({ length: 1000 }, r)"
    assert run("random.js", body, seed=7) == mulberry32(7, 1000)


def test_random_numbers_are_uniform(run):
    body = """const counts = new Array(64).fill(0), r = generator(1);
      for (let i = 0; i < 64000; i++) counts[Math.floor(64 * r())]++;
      return counts"""
    assert chisquare(run("random.js", body)).pvalue > 0.001


# the restricted machine, and its dream


@pytest.fixture(scope="module")
def digits_machine():
    """A machine of the size of the book's, packed for a page."""
    weight = 0.3 * torch.randn(784, 500, generator=random())
    biases = (torch.randn(784, generator=random(1)), torch.randn(500, generator=random(2)))
    figure = GibbsDream(weight, *biases, fallback=plt.figure(), alt="Nothing.")
    return figure.data["machine"], rbm_of(figure)


def test_conditionals_and_free_energy_are_those_of_the_rbm(run, digits_machine):
    packed, rbm = digits_machine
    visible = (torch.rand(784, generator=random(3)) < 0.2).double()
    hidden = (torch.rand(500, generator=random(4)) < 0.5).double()
    got = run(
        "rbm.js",
        """return { hidden: m.hiddenMean(d.machine, d.visible),
          visible: m.visibleMean(d.machine, d.hidden), energy: m.freeEnergy(d.machine, d.visible) }
        """,
        machine=packed,
        visible=visible,
        hidden=hidden,
    )
    close(got["hidden"], rbm.hidden_mean(visible))
    close(got["visible"], rbm.visible_mean(hidden))
    close(got["energy"], rbm.free_energy(visible))


def test_grey_pixels_count_by_their_grey(run, digits_machine):
    packed, rbm = digits_machine
    grey = pack(torch.rand(784, generator=random(5)))
    got = run("rbm.js", "return m.hiddenMean(d.machine, d.grey)", machine=packed, grey=grey)
    close(got, rbm.hidden_mean(torch.tensor(grey.unpack()).double()))


def test_a_dream_step_is_that_of_torch_with_the_same_random_numbers(run, digits_machine):
    packed, rbm = digits_machine
    visible = (torch.rand(784, generator=random(6)) < 0.2).double()
    held = torch.arange(784) < 392
    uniform = torch.rand(500 + 784, generator=random(7))
    got = run(
        "gibbs_dream.js",
        "return m.dream(d.machine, Float64Array.from(d.visible), d.held, queue(d.uniform))",
        machine=packed,
        visible=visible,
        held=held.double(),
        uniform=uniform,
    )
    hidden = (uniform[:500] < rbm.hidden_mean(visible)).double()
    mean = rbm.visible_mean(hidden)
    drawn = (uniform[500:] < mean).double()
    close(got["mean"], torch.where(held, visible, mean))
    assert got["visible"] == torch.where(held, visible, drawn).tolist()


def test_dreams_have_the_machines_distribution_given_the_held_pixels(run):
    weight = torch.randn(6, 4, generator=random())
    biases = (0.5 * torch.randn(6, generator=random(1)), torch.zeros(4))
    figure = GibbsDream(weight, *biases, shape=(2, 3), fallback=plt.figure(), alt="Nothing.")
    counts = run(
        "gibbs_dream.js",
        """const random = generator(1), counts = new Array(64).fill(0);
        for (let chain = 0; chain < 8000; chain++) {
          let visible = Float64Array.from([1, 0, 0, 0, 0, 0]);
          for (let step = 0; step < 30; step++) {
            ({ visible } = m.dream(d.machine, visible, [1, 1, 0, 0, 0, 0], random));
          }
          counts[visible.reduce((number, bit) => 2 * number + bit, 0)]++;
        }
        return counts""",
        machine=figure.data["machine"],
    )
    states = all_states(6, dtype=torch.float64)
    possible = (states[:, 0] == 1) & (states[:, 1] == 0)
    expected = (-rbm_of(figure).free_energy(states[possible])).softmax(0).detach()
    counts = torch.tensor(counts)
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 8000 * expected).pvalue > 0.001


def test_a_brush_touches_the_pixels_around_it(run):
    assert run("gibbs_dream.js", "return m.brush(0.5, 0.5, 0.71, [4, 4])") == [0]
    touched = run("gibbs_dream.js", "return m.brush(2.5, 2.5, 1.2, [5, 5])")
    assert touched == [7, 11, 12, 13, 17]


# tempering

ENERGY = 3 * (torch.linspace(-1.6, 1.6, 9) ** 2 - 1) ** 2 + 0.3 * torch.linspace(-1.6, 1.6, 9)


def test_boltzmann_is_the_softmax_of_the_negative_energy(run):
    got = run("tempering_walker.js", "return m.boltzmann(d.energy, 0.7)", energy=ENERGY)
    close(got, (-0.7 * ENERGY.double()).softmax(0))


def test_boltzmann_is_finite_for_energies_of_thousands(run):
    energy = torch.tensor([-5000.0, -5001.0, 5000.0])
    got = run("tempering_walker.js", "return m.boltzmann(d.energy, 1)", energy=energy)
    close(got, (-energy.double()).softmax(0))


def test_metropolis_proposes_and_accepts_as_it_should(run):
    """Each proposal, with chances a little below and a little above that of being taken."""
    width, beta = 2, 0.9
    got = run(
        "tempering_walker.js",
        """const table = [];
        for (let place = 0; place < 9; place++) {
          for (let jump = 0; jump < 4; jump++) {
            const offset = [1, 2, -1, -2][jump], goal = place + offset;
            const taken = goal < 0 || goal > 8 ? 0
              : Math.min(1, Math.exp(-0.9 * (d.energy[goal] - d.energy[place])));
            const go = (chance) =>
              m.metropolis(d.energy, 0.9, place, 2, queue([(jump + 0.5) / 4, chance]));
            table.push([place, goal, taken, go(taken - 1e-9), go(taken + 1e-9)]);
          }
        }
        return table""",
        energy=ENERGY,
    )
    ratio = (-beta * (ENERGY.double()[None] - ENERGY.double()[:, None])).exp().clamp(max=1)
    transition = torch.zeros(9, 9, dtype=torch.float64)
    for place, goal, taken, below, above in got:
        if not 0 <= goal <= 8:
            assert (below, above) == (place, place)
            continue
        assert taken == pytest.approx(float(ratio[place, goal]), abs=1e-9)
        assert below == goal
        assert above == (place if taken < 1 else goal)
        transition[place, goal] += taken / (2 * width)
    transition += torch.diag(1 - transition.sum(1))
    target = (-beta * ENERGY.double()).softmax(0)
    close(target @ transition, target)


@pytest.mark.parametrize(
    ("betas", "energies"), [((1, 0.3), (2.0, 1.0)), ((1, 0.3), (1.0, 2.0)), ((0.5, 0), (3.0, -4.0))]
)
def test_two_walkers_trade_with_the_metropolis_probability(run, betas, energies):
    got = run("tempering_walker.js", "return m.tradeChance(d.b, d.e)", b=betas, e=energies)
    joint = torch.tensor(betas, dtype=torch.float64), torch.tensor(energies, dtype=torch.float64)
    before, after = -(joint[0] * joint[1]).sum(), -(joint[0] * joint[1].flip(0)).sum()
    close(got, (after - before).exp().clamp(max=1))


def test_sweeps_leave_every_temperature_at_its_distribution(run):
    figure = TemperingWalker(ENERGY, [1, 0.5, 0.2], width=2, fallback=plt.figure(), alt="Nothing.")
    counts = run(
        "tempering_walker.js",
        """const random = generator(3), counts = [0, 1, 2].map(() => new Array(9).fill(0));
        for (let chain = 0; chain < 4000; chain++) {
          const places = [0, 0, 0];
          for (let step = 0; step < 120; step++) {
            m.sweep(d.energy, d.betas, places, d.width, step % 2, random);
          }
          places.forEach((place, i) => counts[i][place]++);
        }
        return counts""",
        **figure.data,
    )
    for beta, seen in zip([1, 0.5, 0.2], counts, strict=True):
        expected = 4000 * (-beta * ENERGY.double()).softmax(0)
        assert chisquare(seen, expected).pvalue > 0.001


def test_total_variation_is_half_the_distance(run):
    body = "return m.totalVariation([3, 1, 0], [0.25, 0.25, 0.5])"
    assert run("tempering_walker.js", body) == pytest.approx(0.5)
    assert run("tempering_walker.js", "return m.totalVariation([0, 0], [0.5, 0.5])") == 0.5


# contrastive divergence


@pytest.fixture(scope="module")
def small():
    """A small machine and data of ten states, as a figure and in torch."""
    visible = (torch.rand(10, 5, generator=random(8)) < 0.4).double()
    numbers = (visible.long() * 2 ** torch.arange(4, -1, -1)).sum(1)
    data = torch.bincount(numbers, minlength=32) / 10
    parameters = [torch.randn(*n, generator=random(9)) for n in ((5, 3), (5,), (3,))]
    figure = CDBias(*parameters, data, fallback=plt.figure(), alt="Nothing.")
    return figure, rbm_of(figure), visible


def flat(gradient):
    return torch.cat([gradient[n].flatten() for n in ("weight", "visible_bias", "hidden_bias")])


def test_transition_matrix_is_exact(run, small):
    figure, rbm, _ = small
    got = run("cd_bias.js", "return m.transitionMatrix(d.machine)", **figure.data)
    close(got, visible_transition_matrix(rbm))


def test_true_gradient_is_that_of_the_exact_log_likelihood(run, small):
    figure, rbm, visible = small
    states = all_states(5, dtype=torch.float64)
    log_z = (-rbm.free_energy(states)).logsumexp(0)
    rbm.zero_grad()
    (-rbm.free_energy(visible) - log_z).mean().backward()
    got = run("cd_bias.js", "return m.trueGradient(d.machine, d.data)", **figure.data)
    close(got, flat({name: p.grad for name, p in rbm.named_parameters()}))


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_cd_gradient_is_exact_for_each_number_of_steps(run, small, steps):
    figure, rbm, visible = small
    told = figure.data | {"steps": [1, 3, 20]}
    got = run("cd_bias.js", "return m.cdGradients(d.machine, d.data, d.steps)", **told)
    close(got[[1, 3, 20].index(steps)], flat(expected_cd_gradient(rbm, visible, steps)))


def test_bias_is_the_relative_distance_and_the_angle(run):
    got = run("cd_bias.js", "return m.bias([1, 1], [2, 0])")
    assert got["relative"] == pytest.approx(2**0.5 / 2)
    assert got["angle"] == pytest.approx(45)


# dropout masks


@pytest.fixture(params=[0.5, 0.2])
def thinned(request):
    """A figure with 12 hidden units, its network in torch, and hidden units for one example."""
    first, second = nn.Linear(9, 12), nn.Linear(12, 10)
    with torch.no_grad():
        for parameter in (*first.parameters(), *second.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=random(3)))
    examples = torch.rand(2, 3, 3, generator=random(4))
    layers = (first.weight, first.bias, second.weight, second.bias)
    figure = DropoutMasks(*layers, examples, [3, 1], p=request.param, **words())
    units = first.double()(examples[1].flatten().double()).relu()
    return figure, units.detach(), second.double(), request.param


def test_hidden_units_and_a_thinned_network_are_torchs(run, thinned):
    figure, units, above, p = thinned
    mask = all_masks(12, dtype=torch.float64)[1234]
    body = """const h = m.hiddenUnits(d.network, d.examples.subarray(9));
      return [h, m.thinned(d.network, h, d.mask)]"""
    got = run("dropout_masks.js", body, **figure.data, mask=pack(mask, "uint8"))
    close(got[0], units)
    close(got[1], above(units * mask / (1 - p)).softmax(-1))


def test_means_over_all_masks_and_weight_scaling_are_exact(run, thinned):
    figure, units, above, p = thinned
    body = """const h = m.hiddenUnits(d.network, d.examples.subarray(9));
      return [m.ensemble(d.network, h), m.weightScaled(d.network, h)]"""
    together, scaled = run("dropout_masks.js", body, **figure.data)

    def logits(masks):
        return above(units * masks / (1 - p))

    exact = exact_ensemble(logits, 12, p, dtype=torch.float64)
    close(together["arithmetic"], exact.arithmetic)
    close(together["geometric"], exact.geometric)
    close(scaled, weight_scaling(logits, 12, p, dtype=torch.float64))
    close(scaled, exact.geometric)
    masks = all_masks(12, dtype=torch.float64)
    chance = (1 - p) ** masks.sum(1) * p ** (12 - masks.sum(1))
    named = torch.zeros(10, dtype=torch.float64)
    close(together["named"], named.index_add(0, logits(masks).argmax(-1), chance))


def test_masks_leave_out_units_as_often_as_they_should(run):
    body = """const r = generator(5), stay = new Array(12).fill(0);
      for (let i = 0; i < 4000; i++) m.drawMask(12, 0.2, r).forEach((on, j) => { stay[j] += on; });
      return stay"""
    stay = np.array(run("dropout_masks.js", body))
    assert (abs(stay - 3200) < 5 * np.sqrt(4000 * 0.8 * 0.2)).all()


# recommendations


def test_answers_have_the_exact_probabilities_given_the_ratings(run):
    machine = SoftmaxRBM(7, 5, 4, generator=random(10), weight_scale=1.0, dtype=torch.float64)
    nn.init.normal_(machine.visible_bias, generator=random(11))
    nn.init.normal_(machine.hidden_bias, generator=random(12))
    figure = FilmRecommender.softmax(
        [f"Film {i}" for i in range(7)], *machine.parameters(), **words()
    )
    model = figure.decoded["model"]
    state = {n: torch.tensor(model[n]) for n in ("weight", "visible_bias", "hidden_bias")}
    machine.load_state_dict(state)
    rated = {0: 4, 3: 1}
    got = run(
        "film_recommender.js",
        """const ratings = new Map(d.rated), { model, values } = d;
        return { chances: m.answerChances(model, ratings), best:
          m.best(m.expected(model, values, ratings), ratings, 3) }""",
        rated=[list(pair) for pair in rated.items()],
        **figure.data,
    )
    answers = torch.tensor([rated.get(film, -1) for film in range(7)])
    unrated = torch.tensor([film for film in range(7) if film not in rated])
    exact = machine.predictive(machine.encode(answers)[None], unrated)
    close([got["chances"][film] for film in unrated], exact)
    stars = exact @ torch.arange(1, 6, dtype=torch.float64)
    order = stars.argsort(descending=True)[:3]
    assert [one["film"] for one in got["best"]] == unrated[order].tolist()
    close([one["value"] for one in got["best"]], stars[order])


@pytest.mark.parametrize(
    ("activation", "layer"),
    [
        ("identity", nn.Identity()),
        ("relu", nn.ReLU()),
        ("selu", nn.SELU()),
        ("sigmoid", nn.Sigmoid()),
        ("tanh", nn.Tanh()),
    ],
)
def test_an_autoencoder_expects_what_its_network_does(run, activation, layer):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 3), layer, nn.Linear(3, 6)).double()
    layers = [
        (network[0].weight, network[0].bias, activation),
        (network[2].weight, network[2].bias, "identity"),
    ]
    figure = FilmRecommender.autoencoder(
        list("abcdef"), layers, offset=torch.linspace(3, 4, 6), scale=1.5, **words()
    )
    model = figure.decoded["model"]
    with torch.no_grad():
        for place, told in zip((0, 2), model["layers"], strict=True):
            network[place].weight.copy_(torch.tensor(told["weight"]))
            network[place].bias.copy_(torch.tensor(told["bias"]))
    body = "return m.expected(d.model, d.values, new Map([[1, 4], [2, 0]]))"
    got = run("film_recommender.js", body, **figure.data)
    offset = torch.tensor(model["offset"]).double()
    inputs = torch.zeros(6, dtype=torch.float64)
    inputs[1], inputs[2] = (5 - offset[1]) / 1.5, (1 - offset[2]) / 1.5
    close(got, offset + 1.5 * network(inputs))


def test_equal_films_stand_in_the_order_of_the_list(run):
    got = run("film_recommender.js", "return m.best([1, 2, 2, 2], new Map([[2, 0]]), 2)")
    assert [one["film"] for one in got] == [1, 3]


# the penalties


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.4, 0.9])
@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (3, 0), (0, 0.7), (2, 1.5), (40, 0)])
def test_the_minimum_with_a_penalty_is_where_proximal_steps_rest(run, correlation, l1, l2):
    hessian = torch.tensor([[1, correlation], [correlation, 1]], dtype=torch.float64)
    for best in ([37.6, 19.1], [-4.0, 9.0], [0.5, -0.25], [7.0, 0.0]):
        target = torch.tensor(best, dtype=torch.float64)

        def step(w, target=target):
            return elastic_net_prox(w - hessian @ (w - target) / 2, 0.5, l1=l1, l2=l2)

        rest = ista(step, torch.zeros(2, dtype=torch.float64), steps=2000)
        got = run(
            "penalty_contours.js",
            "return m.minimum(d.hessian, d.best, d.l1, d.l2)",
            hessian=hessian.tolist(),
            best=best,
            l1=l1,
            l2=l2,
        )
        close(got, rest)
        if l1:  # what is zero is zero exactly
            assert [value == 0 for value in got] == (rest == 0).tolist()


def test_the_strengths_end_where_the_docstring_says(run):
    body = """const h = [[1, 0.4], [0.4, 1]], best = [30, 20];
      return ["l1", "both", "l2"].map((kind) => m.strengths(kind, 0.8, h, best))"""
    largest = 30 + 0.4 * 20
    expected = [[0.8 * largest, 0], [0.4 * largest, 2], [0, 4]]
    close(run("penalty_contours.js", body), torch.tensor(expected, dtype=torch.float64))


# the race


@pytest.mark.parametrize(
    "name", ["ravine", "rosenbrock", "beale", "himmelblau", "saddle", "cliff", "plateau"]
)
def test_surfaces_and_their_slopes_are_the_landscapes(run, name):
    landscape = LANDSCAPES[name]
    low, high = torch.tensor(landscape.domain, dtype=torch.float64).T
    draws = torch.rand(40, 2, dtype=torch.float64, generator=random())
    points = low + (high - low) * draws
    # the cliff's wall is a tenth wide: some points must lie in it
    points = torch.cat([points, torch.tensor([[1.02, 0.3], [1.05, -1.0], [1.09, 2.0]])])
    points.requires_grad_()
    values = landscape(points)
    (slopes,) = torch.autograd.grad(values.sum(), points)
    got = torch.tensor(
        run("surfaces.js", f"return d.points.map((p) => m.FORMULAS.{name}(...p))",
            points=points.detach().tolist()),
        dtype=torch.float64,
    )  # fmt: skip
    torch.testing.assert_close(got[:, 0], values.detach(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(got[:, 1:], slopes, rtol=1e-9, atol=1e-9)


GRID = """const f = m.throughGrid(d.values, d.domain);
  return d.points.map((p) => f(...p))"""


def test_a_surface_through_a_grid_has_its_values_and_the_slopes_of_its_values(run):
    domain = [[-1.0, 2.0], [0.0, 1.0]]
    x = torch.linspace(-1, 2, 7, dtype=torch.float64)
    y = torch.linspace(0, 1, 5, dtype=torch.float64)
    values = torch.randn(5, 7, generator=random())
    nodes = [[a.item(), b.item()] for b in y for a in x]
    got = run("surfaces.js", GRID, values=values, domain=domain, points=nodes)
    close([value for value, *_ in got], values.flatten())

    step = 1e-4
    inside = (torch.rand(30, 2, generator=random(1), dtype=torch.float64) * 0.98 + 0.01).tolist()
    points = [[-1 + 3 * a, b] for a, b in inside]
    shifted = [
        [a + step * dx, b + step * dy]
        for a, b in points
        for dx, dy in [(1, 0), (-1, 0), (0, 1), (0, -1)]
    ]
    sloped = run("surfaces.js", GRID, values=values, domain=domain, points=points)
    around = torch.tensor(
        [v for v, *_ in run("surfaces.js", GRID, values=values, domain=domain, points=shifted)],
        dtype=torch.float64,
    ).view(-1, 2, 2)
    numeric = (around[..., 0] - around[..., 1]) / (2 * step)
    torch.testing.assert_close(
        torch.tensor([slopes for _, *slopes in sloped], dtype=torch.float64),
        numeric,
        rtol=1e-4,
        atol=1e-4,
    )


def test_a_surface_through_a_grid_of_a_parabola_is_the_parabola_inside(run):
    # central differences of a parabola are its slopes, so the cubics are exact away from the edge
    x = torch.linspace(0, 5, 6, dtype=torch.float64)
    values = (x**2 - x)[None] + 2 * (x**2)[:, None]
    points = [[1.3, 2.7], [2.5, 1.1], [3.9, 3.2]]
    got = run("surfaces.js", GRID, values=values, domain=[[0, 5], [0, 5]], points=points)
    expected = [[a * a - a + 2 * b * b, 2 * a - 1, 4 * b] for a, b in points]
    close(got, torch.tensor(expected, dtype=torch.float64))


TORCH = {
    "descent": (torch.optim.SGD, {}, 0.004),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}, 0.001),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, 0.001),
    "adagrad": (torch.optim.Adagrad, {}, 0.3),
    "rmsprop": (torch.optim.RMSprop, {}, 0.02),
    "adam": (torch.optim.Adam, {}, 0.05),
}


@pytest.mark.parametrize("name", TORCH)
def test_balls_go_where_torchs_optimizers_go(run, name):
    kind, more, rate = TORCH[name]
    point = nn.Parameter(torch.tensor([-0.5, -1.0], dtype=torch.float64))
    optimizer = kind([point], lr=rate, **more)
    way = [point.tolist()]
    for _ in range(150):
        optimizer.zero_grad()
        LANDSCAPES["himmelblau"](point).backward()
        optimizer.step()
        way.append(point.tolist())
    got = run(
        "optimizers.js",
        f"""const surface = (x, y) => {{
              const [a, b] = [x * x + y - 11, x + y * y - 7];
              return [a * a + b * b, 4 * x * a + 2 * b, 2 * a + 4 * y * b];
            }};
            const one = m.ball("{name}", surface, [-0.5, -1], [[-9, 9], [-9, 9]]);
            for (let i = 0; i < 150; i++) one.step({rate});
            return [one.trail, one.heights]""",
    )
    close(got[0], torch.tensor(way, dtype=torch.float64))
    close(got[1], LANDSCAPES["himmelblau"](torch.tensor(way, dtype=torch.float64)))


def test_a_ball_that_leaves_the_map_stays_where_it_was_last(run):
    body = """const bowl = (x, y) => [x * x + y * y, 2 * x, 2 * y];
      const one = m.ball("descent", bowl, [1, 0], [[-2, 2], [-2, 2]]);
      for (let i = 0; i < 5; i++) one.step(1.2);
      return [one.gone, one.trail.length, one.trail.at(-1)]"""
    gone, places, last = run("optimizers.js", body)
    # each step multiplies by 1 - 2.4 = -1.4: 1, -1.4, 1.96, and -2.744 is outside
    assert gone
    assert places == 3
    close(last, torch.tensor([1.96, 0.0]))


def test_bands_of_the_map_hold_as_many_places_each(run):
    heights = torch.rand(1400, generator=random(2)).tolist()
    ends = run("ball_race.js", "return m.bandEnds(d.heights, 14)", heights=heights)
    counts = np.histogram(heights, [-1, *ends, 2])[0]
    assert len(ends) == 13
    assert abs(counts - 100).max() <= 1


# the moved digit


@pytest.fixture(scope="module")
def moved():
    """Pictures that are not square, and two networks of two and three layers."""

    def layers(*sizes, seed):
        pairs = list(pairwise(sizes))
        return [
            (
                torch.randn(n, m, generator=random(seed + i)) / m**0.5,
                torch.randn(n, generator=random(9)),
            )
            for i, (m, n) in enumerate(pairs)
        ]

    networks = {"shallow": layers(99, 12, 5, seed=1), "deep": layers(99, 8, 7, 5, seed=4)}
    images = torch.rand(2, 9, 11, generator=random(13))
    return WarpedDigit(images, [0, 4], networks, centre=(4.5, 5.25), **words())


MOVES = {
    "at rest": {},
    "turned": {"turn": 37},
    "turned the other way": {"turn": -90},
    "slanted": {"slant": 25},
    "resized": {"size": 0.7},
    "shifted": {"down": 1.5, "right": -3},
    "everything": {"turn": -21, "slant": -13, "size": 1.35, "down": -0.5, "right": 2},
}


@pytest.mark.parametrize("name", MOVES)
def test_a_digit_is_moved_as_affine_warp_moves_it(run, moved, name):
    move = {"turn": 0, "slant": 0, "size": 1, "down": 0, "right": 0} | MOVES[name]
    body = """return m.warp(Float64Array.from(d.images.slice(0, 99), (code) => code / 255),
      d.shape, d.move, d.centre)"""
    got = run("warped_digit.js", body, move=move, **moved.data)
    image = torch.tensor(moved.decoded["images"][:1]).double().view(1, 9, 11) / 255
    expected = affine_warp(
        image,
        rotation=float(move["turn"]),
        shear=float(move["slant"]),
        scale=float(move["size"]),
        shift=(move["down"], move["right"]),
        centre=(4.5, 5.25),
    )
    close(got, expected.flatten())
    if name == "at rest":
        close(got, image.flatten())


@pytest.mark.parametrize("which", [0, 1])
def test_class_probabilities_are_those_of_torch(run, moved, which):
    image = torch.rand(99, generator=random(5)).double()
    image[::3] = 0
    got = run(
        "warped_digit.js",
        f"return m.probabilities(d.networks[{which}].layers, d.image)",
        image=pack(image),
        **moved.data,
    )
    values = torch.tensor(pack(image).unpack()).double()
    *hidden, last = moved.decoded["networks"][which]["layers"]
    for one in hidden:
        values = (
            values @ torch.tensor(one["weight"]).double() + torch.tensor(one["bias"]).double()
        ).relu()
    logits = values @ torch.tensor(last["weight"]).double() + torch.tensor(last["bias"]).double()
    close(got, logits.softmax(0))


def test_probabilities_are_finite_for_logits_of_thousands(run):
    layers = [{"weight": pack(torch.tensor([[1e4, -1e4]])), "bias": pack(torch.zeros(2))}]
    got = run("warped_digit.js", "return m.probabilities(d.layers, [1])", layers=layers)
    assert got == [1, 0]


# tunes

TUNE = "T:t\nM:2/4\nL:1/8\nK:D\n|:d>f (3gfe|1A,2-A,z:|2c'2 d''2-|d''2|]"


def test_a_tune_is_heard_as_the_package_has_it(run):
    tune = parse_abc(TUNE)
    notes = run("tune_player.js", "return m.heard(d.tune)", tune=asdict(played_tune(tune)))
    assert [note["pitch"] for note in notes] == [note.pitch for note in tune.heard()]
    close([note["length"] for note in notes], torch.tensor([float(n.length) for n in tune.heard()]))
    written = [tune.notes[note["note"]].pitch for note in notes]
    assert written == [note["pitch"] for note in notes]


@pytest.mark.parametrize("rate", [8000, 22_050])
def test_the_wave_of_a_tune_is_the_packages(run, rate):
    tune = parse_abc(TUNE)
    body = f"return m.synthesize(m.heard(d.tune), 0.3, {rate})"
    wave = run("tune_player.js", body, tune=asdict(played_tune(tune)))
    expected = synthesize_tune(tune.heard(), whole_note=0.3, sample_rate=rate)
    assert len(wave) == len(expected)
    close(wave, expected)


def test_flags_and_dots_say_the_length_of_a_note(run):
    lengths = [1, 1 / 2, 1 / 4, 3 / 8, 1 / 8, 3 / 16, 1 / 16, 3 / 32, 1 / 12, 1 / 24, 1 / 6]
    body = "return [d.lengths.map(m.flags), d.lengths.map(m.isDotted)]"
    found, dotted = run("tune_player.js", body, lengths=lengths)
    assert found == [0, 0, 0, 0, 1, 1, 2, 2, 1, 2, 0]
    assert [length for length, dot in zip(lengths, dotted, strict=True) if dot] == [
        3 / 8,
        3 / 16,
        3 / 32,
    ]


def test_a_player_without_tunes_is_refused():
    tune = played_tune(parse_abc(TUNE))
    for tunes in ([], [tune, tune]):
        with pytest.raises(ValueError, match="at least 1 tune, with names that differ"):
            TunePlayer(tunes, **words())
    with pytest.raises(ValueError, match="a whole note above 0 seconds, got 0"):
        TunePlayer([tune], whole_note=0, **words())


# the drawn digit


@pytest.fixture(scope="module")
def reader():
    """A network that has learned a little, and the test digits."""
    digits = deepbook.data.mnist5k()
    network = ConvNet((6, 8, 12), channels_last=True, generator=random(1))
    optimizer = torch.optim.AdamW(network.parameters(), 0.01)
    order = torch.randperm(4000, generator=random(2))
    for rows in order.split(50):
        loss = cross_entropy(network(digits.train.images[rows, None]), digits.train.targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval(), digits.test


def drawn_figure(network, digits, dtype):
    linear = (network.linear.weight, network.linear.bias)
    return DrawnDigit(
        digits.images[:1],
        digits.targets[:1],
        folded_stages(network),
        linear,
        dtype=dtype,
        **words(),
    )


READ_ALL = """return Array.from({ length: 1000 }, (_, i) => {
  const image = Float64Array.from(d.digits.subarray(784 * i, 784 * i + 784), (code) => code / 255);
  return m.read(image, [28, 28], d.network).probabilities;
})"""


def test_a_thousand_test_digits_are_read_as_torch_reads_them(run, reader):
    network, test = reader
    codes = pack((255 * test.inputs).round(), "uint8")
    with torch.no_grad():
        expected = network.double()(
            (torch.tensor(codes.unpack()).double() / 255).view(-1, 1, 28, 28)
        )
        network.float()
    expected = expected.softmax(1)
    assert float((expected.argmax(1) == test.targets).double().mean()) > 0.9
    figure = drawn_figure(network, test, "float32")
    got = run("drawn_digit.js", READ_ALL, digits=codes, network=figure.data["network"])
    close(got, expected)
    # packed, it decides the same, unless torch hardly decides at all
    figure = drawn_figure(network, test, "float16")
    got = run("drawn_digit.js", READ_ALL, digits=codes, network=figure.data["network"])
    first, second = expected.topk(2).values.unbind(1)
    clear = first - second > 0.01
    assert clear.sum() > 990
    assert torch.equal(torch.tensor(got).argmax(1)[clear], expected.argmax(1)[clear])


def test_each_stage_gives_out_the_maps_of_torch(run, reader):
    """Also where height, width and numbers of maps differ, and a factor is negative."""
    shapes = [(3, 1, 3), (4, 3, 5), (2, 4, 1)]
    stages = [
        [torch.randn(n, m, k, k, generator=random(k)) / k, torch.randn(n, generator=random(4)),
         torch.randn(n, generator=random(5))]
        for n, m, k in shapes
    ]  # fmt: skip
    assert min(float(scale.min()) for _, scale, _ in stages) < 0
    linear = (torch.randn(5, 2 * 1 * 2, generator=random(6)), torch.randn(5, generator=random(7)))
    image = torch.rand(1, 9, 17, generator=random(8))
    figure = DrawnDigit(image, [0], stages, linear, dtype="float32", **words())
    network = figure.data["network"]
    got = run(
        "drawn_digit.js",
        "return m.read(Float64Array.from(d.image), [9, 17], d.network)",
        image=image[0],
        network=network,
    )
    h = image[None].double()
    for (kernel, scale, shift), one in zip(stages, got["maps"], strict=True):
        h = max_pool2d(conv2d(h, kernel.double(), padding=kernel.shape[-1] // 2), 2)
        h = (h * scale.double()[:, None, None] + shift.double()[:, None, None]).relu()
        assert one["shape"] == list(h.shape[1:])
        close(one["values"], h.flatten())
    close(got["probabilities"], (linear[0].double() @ h.flatten() + linear[1]).softmax(0))


def test_ink_fades_out_within_a_pixel_around_the_stroke(run):
    strokes = [[[2, 1], [2, 6], [5.5, 7]], [[7, 2]]]
    got = run("drawn_digit.js", "return m.inked(d.s, [9, 10], 1.2)", s=strokes)
    place = torch.cartesian_prod(torch.arange(9.0), torch.arange(10.0)).double()

    def away(a, b):
        a, b = torch.tensor(a).double(), torch.tensor(b).double()
        along = ((place - a) @ (b - a) / (b - a).square().sum().clamp(min=1e-12)).clamp(0, 1)
        return (place - a - along[:, None] * (b - a)).norm(dim=1)

    lines = [([2, 1], [2, 6]), ([2, 6], [5.5, 7]), ([7, 2], [7, 2])]
    distance = torch.stack([away(a, b) for a, b in lines]).amin(0)
    close(got, (1.7 - distance).clamp(0, 1))


SEVEN = [[[0.2, 0.3], [0.2, 0.6], [0.7, 0.4]], [[0.45, 0.35], [0.45, 0.55]]]


def like_mnist(run, strokes, side=1):
    body = "return m.likeMnist(d.strokes, d.side, [28, 28])"
    return torch.tensor(run("drawn_digit.js", body, strokes=strokes, side=side)).view(28, 28)


def test_a_drawing_gets_mnists_size_and_centre(run):
    image = like_mnist(run, SEVEN)
    rows, columns = (image.sum(d).nonzero()[:, 0] for d in (1, 0))
    assert 19 <= rows.max() - rows.min() + 1 <= 21
    assert columns.max() - columns.min() < 20
    place = torch.arange(28.0)
    total = image.sum()
    assert abs(float(image.sum(1) @ place / total) - 14) < 0.05
    assert abs(float(image.sum(0) @ place / total) - 14) < 0.05
    got = run("drawn_digit.js", "return m.centreOfMass(d.image.flat(), 28)", image=image.tolist())
    np.testing.assert_allclose(got, [14, 14], atol=0.05)


def test_mnists_digits_have_their_centre_there_too():
    images = deepbook.data.mnist5k().test.images
    place = torch.arange(28.0)
    total = images.sum((1, 2))
    for axis in (1, 2):
        centre = (images.sum(axis) @ place / total).mean()
        assert abs(float(centre) - 14) < 0.1


def test_where_and_how_large_one_draws_does_not_matter(run):
    image = like_mnist(run, SEVEN)
    moved = [[[0.5 * r + 0.4, 0.5 * c + 0.1] for r, c in stroke] for stroke in SEVEN]
    torch.testing.assert_close(like_mnist(run, moved), image, rtol=0, atol=1e-6)
    pixels = [[[300 * r, 300 * c] for r, c in stroke] for stroke in SEVEN]
    torch.testing.assert_close(like_mnist(run, pixels, 300), image, rtol=0, atol=1e-6)


def test_a_dot_stays_a_dot(run):
    image = like_mnist(run, [[[0.3, 0.8]]])
    assert image.sum() < 10
    assert image.argmax() == 14 * 28 + 14


def test_a_picture_is_shifted_by_whole_pixels(run):
    image = torch.rand(5, 7, generator=random(3)).tolist()
    got = run("drawn_digit.js", "return m.shifted(d.image.flat(), [5, 7], 2, -3)", image=image)
    expected = np.zeros((5, 7))
    expected[2:, :4] = np.array(image)[:3, 3:]
    np.testing.assert_array_equal(np.reshape(got, (5, 7)), expected)


# convolution


def test_every_setting_of_a_convolution_has_torchs_sizes_and_inputs(run):
    body = """const { RANGES: r } = m, found = [];
      const each = ({ min, max }) => Array.from({ length: max - min + 1 }, (_, i) => min + i);
      for (const transposed of [false, true]) for (const size of each(r.size))
        for (const kernel of each(r.kernel)) for (const stride of each(r.stride))
          for (const padding of each(r.padding)) for (const dilation of each(r.dilation)) {
            const s = { size, kernel, stride, padding, dilation, transposed };
            const out = m.outputSize(s);
            found.push([Object.values(s), out, Array.from({ length: Math.max(out, 0) },
              (_, o) => m.feeds(s, o)), m.counts(s)]);
          }
      return found"""
    found = run("convolution_arithmetic.js", body)
    assert len(found) == 2 * 8 * 5 * 3 * 5 * 3
    for (n, kernel, stride, padding, dilation, transposed), out, fed, counts in found:
        layer = conv_transpose1d if transposed else conv1d
        # each input has a number and each weight a power: the outputs tell who met whom
        x = torch.eye(n, dtype=torch.float64)[:, None]
        weight = 2.0 ** torch.arange(kernel, dtype=torch.float64)[None, None]
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        try:
            theirs = layer(x, weight, **options)[:, 0].T  # (outputs, inputs)
        except ValueError:
            assert out < 1
            continue
        ours = torch.zeros(out, n, dtype=torch.float64)
        for output, pairs in enumerate(fed):
            for i, k in pairs:
                if 0 <= i < n:
                    ours[output, i] += 2.0**k
            assert transposed or len(pairs) == kernel
        assert torch.equal(ours, theirs)
        assert counts == (theirs != 0).sum(1).tolist()


# texts


def writer(dtype="float32"):
    torch.manual_seed(0)
    net = CharacterModel(6, 10, embedding_size=4)
    cell = net.recurrent
    layers = (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, cell.bias_hh_l0)
    figure = TextSampler(
        net.embedding.weight,
        *layers,
        net.output.weight,
        net.output.bias,
        "abcde ",
        start="a",
        dtype=dtype,
        **words(),
    )
    return figure, net


def test_a_text_read_letter_by_letter_gives_the_logits_of_torch(run):
    figure, net = writer()
    body = """let h = m.zeros(d.network);
      return Array.from(d.text, (s) => { h = m.read(d.network, h, s);
        return m.logits(d.network, h); })"""
    text = torch.randint(6, (60,), generator=random(1))
    got = run("text_sampler.js", body, **figure.data, text=pack(text, "uint8"))
    close(got, net(text[None])[0][0])
    # what is stored in two bytes is near it
    rough = run("text_sampler.js", body, **writer("float16")[0].data, text=pack(text, "uint8"))
    np.testing.assert_allclose(rough, got, atol=0.01)


def test_temperature_gives_the_probabilities_of_the_package(run):
    scores = torch.tensor([0.5, 2.0, -1.0, 2.0, 0.0])
    body = "return d.heats.map((heat) => m.chances(Array.from(d.scores), heat))"
    heats = [0, 0.05, 0.5, 1, 2]
    got = run("text_sampler.js", body, scores=pack(scores), heats=heats)
    for row, heat in zip(got, heats, strict=True):
        close(row, sampling_probabilities(scores.double(), temperature=heat))


def test_letters_are_drawn_as_often_as_they_should(run):
    body = """const r = generator(3), counts = [0, 0, 0, 0];
      for (let i = 0; i < 8000; i++) counts[m.draw(Array.from(d.p), r)]++;
      return [counts, m.likeliest(Array.from(d.p), 3), m.draw([0.5, 0.4999999, 0], () => 1)]"""
    p = [0.125, 0.5, 0.0, 0.375]
    counts, best, last = run("text_sampler.js", body, p=pack(p))
    assert counts[2] == 0
    assert (
        chisquare([counts[i] for i in (0, 1, 3)], 8000 * np.array([0.125, 0.5, 0.375])).pvalue
        > 1e-3
    )
    assert best == [1, 3, 0]
    assert last == 1


# a word, pronounced


@pytest.fixture(scope="module", params=["float32", "int8"])
def spoken(request):
    """A figure, and the network that it computes with, in float64."""
    letters, phonemes = "abcdefg", ["AH", "B", "K", "SH", "T"]
    network = EncoderDecoder(10, 8, 5, 12, generator=random(3)).double()
    with torch.no_grad():
        network.logits.weight.mul_(8)  # sure enough to say several things
        network.logits.bias[0] = -3
    made = Pronouncer(
        network.state_dict(), letters, phonemes, word="bad", dtype=request.param, **words()
    )
    told = made.decoded["net"]
    pairs = {
        "read": network.read.weight,
        "written": network.written.weight,
        "query": network.context.query.weight,
        "first": network.first_state,
        "mix": network.mix,
        "logits": network.logits,
    }
    cells = {
        "forwards": (network.encoder, ""),
        "backwards": (network.encoder, "_reverse"),
        "decoder": (network.decoder, ""),
    }
    with torch.no_grad():
        for name, part in pairs.items():
            if name in ("read", "written"):
                part.copy_(torch.tensor(told[name]))
            elif name == "query":
                part.copy_(torch.tensor(told[name]["weight"]).T)
            else:
                part.weight.copy_(torch.tensor(told[name]["weight"]).T)
                part.bias.copy_(torch.tensor(told[name]["bias"]))
        for name, (gru, suffix) in cells.items():
            for side, short in (("input", "ih"), ("state", "hh")):
                layer = told[name][side]
                weight = getattr(gru, f"weight_{short}_l0{suffix}")
                weight.copy_(torch.tensor(layer["weight"]).T)
                bias = getattr(gru, f"bias_{short}_l0{suffix}")
                bias.copy_(torch.tensor(layer["bias"]))
    return made, network, Vocabulary(letters)


@pytest.mark.parametrize("word", ["a", "bad", "gabfecdeaddeed"])
def test_a_word_is_said_as_torch_says_it(run, spoken, word):
    made, network, letters = spoken
    got = run("pronouncer.js", "return m.pronounce(d.net, d.word, 9)", **made.data | {"word": word})
    source = letters.encode_all([word])
    expected = [s for s in transduce(network, source, longest=9)[0].tolist() if s > Vocabulary.END]
    assert [one["sound"] + 3 for one in got] == expected
    memory, last = network.encode(source), torch.tensor([Vocabulary.BEGIN])
    for one in got:
        log_p, memory, weights = network.step(last, memory)
        close(one["weights"], weights[0])
        last = log_p.argmax(1)
        close(one["chance"], log_p.max().exp())


def test_a_step_gives_torchs_probabilities_of_all_symbols(run, spoken):
    made, network, _ = spoken
    body = """const { memory, state } = m.encode(d.net, [3, 7, 9, 4]);
      const next = m.step(d.net, memory, state, 5);
      return [memory, state, next.state, next.chances];"""
    got = run("pronouncer.js", body, **made.data)
    memory = network.encode(pad_sequences([torch.tensor([3, 7, 9, 4])]))
    close(got[0], memory.values[0])
    close(got[1], memory.state[0])
    log_p, after, _ = network.step(torch.tensor([5]), memory)
    close(got[2], after.state[0])
    close(got[3], log_p[0, 2:].exp())
