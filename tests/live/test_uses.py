"""What each live figure takes, refuses and stores."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from deepbook.live import (
    BallRace,
    CDBias,
    ConvolutionArithmetic,
    DropoutMasks,
    FilmRecommender,
    GibbsDream,
    PenaltyContours,
    Pronouncer,
    RaceSurface,
    TemperingWalker,
    TextSampler,
    WarpedDigit,
)
from deepbook.sequence import EncoderDecoder

GENERATOR = torch.Generator().manual_seed(0)
MACHINE = (torch.randn(6, 3, generator=GENERATOR), torch.zeros(6), torch.zeros(3))
UNIFORM = torch.full((64,), 1 / 64)


def test_a_dream_of_784_and_500_units_fits_the_budget(picture):
    machine = (torch.randn(784, 500), torch.randn(784), torch.randn(500))
    made = GibbsDream(*machine, examples=torch.ones(10, 28, 28), **picture)
    assert len(made._json) < 600_000
    assert sum(len(source) for source in made.scripts.values()) < 60_000


def test_dream_computes_with_weights_near_those_it_was_given(picture):
    made = GibbsDream(*MACHINE, shape=(2, 3), **picture)
    np.testing.assert_allclose(made.decoded["machine"]["weight"], MACHINE[0], atol=0.02)
    assert made.decoded["examples"] is None


@pytest.mark.parametrize(
    ("machine", "more", "message"),
    [
        (MACHINE, {"shape": (3, 3)}, r"expected weight of shape \(9, hidden\).*got \(6, 3\)"),
        ((*MACHINE[:2], torch.zeros(4)), {"shape": (2, 3)}, "one bias for each unit"),
        (MACHINE, {"shape": (2, 3), "examples": torch.ones(2, 5)}, "with 6 pixels each"),
        (MACHINE, {"shape": (2, 3), "examples": torch.full((1, 6), 2)}, "examples of 0 and 1"),
        (MACHINE, {"shape": (2, 3), "examples": torch.ones(0, 6)}, "examples of 0 and 1"),
        (MACHINE, {"shape": (2, 3), "steps_per_second": 31}, "from 1 to 30 steps a second, got 31"),
    ],
)
def test_dream_refuses_what_does_not_fit(picture, machine, more, message):
    with pytest.raises(ValueError, match=message):
        GibbsDream(*machine, **more, **picture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy": torch.ones(2)}, r"3 or more places in a row, got shape \(2,\)"),
        ({"energy": torch.ones(4, 4)}, "3 or more places in a row"),
        ({"betas": [1.0]}, "2 or more falling inverse temperatures"),
        ({"betas": [0.5, 1.0]}, "falling"),
        ({"betas": [1.0, -0.1]}, "at least 0"),
        ({"width": 0}, "expected a width from 1 to 4 and a start from 0 to 4, got 0 and 0"),
        ({"start": 5}, "got 1 and 5"),
        ({"steps_per_second": 100}, "expected steps a second among 1, 2, 4, .*512, got 100"),
    ],
)
def test_walker_refuses_what_is_out_of_range(picture, change, message):
    with pytest.raises(ValueError, match=message):
        TemperingWalker(**({"energy": torch.ones(5), "betas": [1, 0.5]} | change | picture))


def test_walker_writes_its_axis_short(picture):
    made = TemperingWalker(torch.ones(5), [1, 0.5], axis=(-2.0, 2.5), **picture)
    assert (made.data["low"], made.data["high"]) == ("-2", "2.5")


@pytest.mark.parametrize(
    ("machine", "data", "more", "message"),
    [
        ((torch.ones(9, 2), *MACHINE[1:]), UNIFORM, {}, "1 to 8 visible and hidden units"),
        ((MACHINE[0], torch.zeros(5), MACHINE[2]), UNIFORM, {}, "one bias for each unit"),
        (MACHINE, UNIFORM[:32], {}, r"expected data of shape \(64,\)"),
        (MACHINE, UNIFORM * 2, {}, "add up to 1, got a sum of 2"),
        (MACHINE, UNIFORM, {"steps": [2, 1]}, "expected rising steps"),
        (MACHINE, UNIFORM, {"steps": [2, 3], "chosen": 1}, "one of them chosen"),
    ],
)
def test_bias_refuses_what_does_not_belong_together(picture, machine, data, more, message):
    with pytest.raises(ValueError, match=message):
        CDBias(*machine, data, **more, **picture)


THINNED = {
    "hidden_weight": torch.ones(3, 4),
    "hidden_bias": torch.zeros(3),
    "output_weight": torch.ones(2, 3),
    "output_bias": torch.zeros(2),
    "examples": torch.ones(2, 2, 2),
    "targets": torch.tensor([1, 0]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_bias": torch.zeros(4)}, r"hidden weight .* got \(3, 4\) and \(4,\)"),
        ({"output_bias": torch.zeros(3)}, r"output weight .* got \(2, 3\) and \(3,\)"),
        ({"output_weight": torch.ones(2, 5)}, "output weight for 3 hidden units, got 5"),
        (
            {"hidden_weight": torch.ones(15, 4), "hidden_bias": torch.zeros(15)},
            "1 to 14 hidden units, got 15",
        ),
        ({"examples": torch.ones(2, 5, 1)}, r"with 4 pixels each, got \(2, 5, 1\)"),
        ({"examples": torch.ones(2, 4)}, "with 4 pixels each"),
        ({"examples": torch.full((2, 2, 2), 1.5)}, "values from 0 to 1"),
        ({"targets": torch.tensor([1])}, r"for each of 2 examples, got \[1\]"),
        ({"targets": torch.tensor([1, 2])}, r"a target below 2 .* got \[1, 2\]"),
        ({"p": 0}, "above 0 and below 1, got 0"),
        ({"p": 1.0}, "above 0 and below 1, got 1"),
    ],
)
def test_masks_refuse_what_does_not_belong_together(picture, change, message):
    with pytest.raises(ValueError, match=message):
        DropoutMasks(**(THINNED | change | picture))


FILMS = ["One", "Two"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(2, 4, 3), torch.ones(2, 5), torch.ones(3)), r"expected shapes \(2, 5, hidden"),
        ((torch.ones(2, 5, 3), torch.ones(2, 4), torch.ones(3)), "for 2 films and 5 answers"),
        ((torch.ones(2, 5, 3), torch.ones(2, 5), torch.ones(4)), r"got .* and \(4,\)"),
        ((torch.ones(2, 15), torch.ones(2, 5), torch.ones(3)), "expected shapes"),
    ],
)
def test_softmax_recommender_refuses_shapes_that_do_not_fit(picture, arguments, message):
    with pytest.raises(ValueError, match=message):
        FilmRecommender.softmax(FILMS, *arguments, **picture)


@pytest.mark.parametrize(
    ("layers", "offset", "scale", "message"),
    [
        ([(torch.ones(3, 5), torch.ones(3), "relu")], [0, 0], 1, r"expected a weight of shape"),
        ([(torch.ones(2, 2), torch.ones(3), "relu")], [0, 0], 1, "a bias for each output"),
        ([(torch.ones(2, 2), torch.ones(2), "gelu")], [0, 0], 1, "among identity.*got 'gelu'"),
        ([(torch.ones(3, 2), torch.ones(3), "relu")], [0, 0], 1, "layers that give 2 numbers"),
        ([], [0, 0], 1, "layers that give 2 numbers"),
        ([(torch.ones(2, 2), torch.ones(2), "relu")], [0], 1, r"offsets of shape \(1,\)"),
        ([(torch.ones(2, 2), torch.ones(2), "relu")], [0, 0], 0, "expected a scale above 0"),
    ],
)
def test_autoencoder_recommender_refuses_what_does_not_fit(picture, layers, offset, scale, message):
    with pytest.raises(ValueError, match=message):
        FilmRecommender.autoencoder(FILMS, layers, offset=offset, scale=scale, **picture)


def test_each_answer_needs_a_value(picture):
    machine = (torch.ones(2, 2, 1), torch.ones(2, 2), torch.ones(1))
    with pytest.raises(ValueError, match="2 or more answers and a value for each"):
        FilmRecommender.softmax(FILMS, *machine, answers=("no", "yes"), values=[1], **picture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"best": [0, 0]}, "two weights that are not both zero, got"),
        ({"best": [1, 2, 3]}, "two weights"),
        ({"correlation": 0.95}, "a correlation from -0.9 to 0.9, got 0.95"),
        ({"names": ("one",)}, "a name for each of two weights"),
        ({"kind": "l3"}, "among l1, both, l2, got 'l3'"),
        ({"strength": 1.0}, "a strength from 0 to 0.98, got 1.0"),
    ],
)
def test_penalties_refuse_what_is_out_of_range(picture, change, message):
    fitting = {"best": [3, 1], "correlation": 0.4, "names": ("one", "two")}
    with pytest.raises(ValueError, match=message):
        PenaltyContours(**(fitting | change), **picture)


RATES = {"descent": 0.01, "adam": 0.1}
PLANE = {"name": "net", "domain": ((-1, 1), (0, 2)), "start": (0, 1), "rates": RATES}


def test_a_race_needs_a_surface_and_known_runners(picture):
    with pytest.raises(ValueError, match="at least one surface"):
        BallRace([], **picture)
    surface = RaceSurface(**PLANE, formula="ravine")
    with pytest.raises(ValueError, match=r"among \['descent', 'adam'\] to run, got \['momentum'\]"):
        BallRace([surface], running=["momentum"], **picture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": {"adam": 0.1}}, r"rates for the same of .* got \['adam'\]"),
        ({"rates": {"descent": 0.01, "adam": 0}}, "positive learning rates for 'net'"),
        ({"domain": ((1, -1), (0, 2))}, "two rising ranges as domain of 'net'"),
        ({"start": (0, 3)}, r"a start of 'net' within its domain, got \(0, 3\)"),
        ({"formula": None}, "either a formula or values"),
        ({"values": torch.ones(3, 3)}, "either a formula or values"),
        ({"formula": "bowl"}, "a formula among ravine.*got 'bowl'"),
        (
            {"formula": None, "values": torch.ones(1, 4)},
            r"two or more rows and columns, got \(1, 4\)",
        ),
    ],
)
def test_a_race_refuses_a_surface_that_is_none(picture, change, message):
    good = RaceSurface(**PLANE, formula="ravine")
    other = RaceSurface(**(PLANE | {"formula": "ravine"} | change))
    with pytest.raises(ValueError, match=message):
        BallRace([good, other], running=["adam"], **picture)


def test_a_race_holds_the_heights_of_a_plane(picture):
    heights = torch.randn(5, 4)
    made = BallRace([RaceSurface(**PLANE, values=heights)], running=["adam"], **picture)
    np.testing.assert_array_equal(made.decoded["surfaces"][0]["values"], heights)


def layers(*sizes):
    pairs = pairwise(sizes)
    return [(torch.randn(n, m, generator=GENERATOR), torch.zeros(n)) for m, n in pairs]


MOVED: dict[str, Any] = {
    "images": torch.rand(3, 4, 5, generator=GENERATOR),
    "targets": [0, 2, 1],
    "networks": {"without": layers(20, 6, 3), "with": layers(20, 3)},
}


def test_ten_digits_and_two_networks_of_100_units_fit_the_budget(picture):
    networks = {name: layers(784, 100, 10) for name in ("without", "with")}
    made = WarpedDigit(torch.rand(10, 28, 28), range(10), networks, **picture)
    assert len(made._json) < 600_000
    assert sum(len(source) for source in made.scripts.values()) < 60_000


def test_a_moved_digit_keeps_its_ink_and_the_weights_nearly(picture):
    made = WarpedDigit(**MOVED, **picture).decoded
    pixels = torch.tensor(made["images"] / 255).view(3, 4, 5)
    torch.testing.assert_close(pixels, MOVED["images"], rtol=0, atol=0.5 / 255 + 1e-6)
    weight = MOVED["networks"]["without"][0][0]
    np.testing.assert_allclose(made["networks"][0]["layers"][0]["weight"].T, weight, atol=0.02)
    assert made["centre"] == [1.5, 2.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.rand(3, 20)}, r"1 to 12 pictures of shape .* got shape \(3, 20\)"),
        ({"images": torch.rand(13, 4, 5)}, "1 to 12 pictures"),
        ({"images": 255 * MOVED["images"]}, "pixels from 0 to 1, got"),
        ({"networks": {"one": layers(20, 3)}}, "expected two networks, got 1"),
        ({"networks": {"one": layers(20, 3), "two": []}}, "at least one layer, got none"),
        ({"networks": {"one": layers(20, 3), "two": layers(16, 3)}}, r"shape \(outputs, 20\)"),
        ({"networks": {"one": layers(20, 3), "two": layers(20, 4)}}, r"got \[3, 4\] classes"),
        ({"targets": [0, 1, 3]}, r"targets among them, .* targets \[0, 1, 3\]"),
        ({"targets": [0, 1]}, "a target for each of 3 pictures, one of them chosen, got 2 and 0"),
        ({"chosen": 3}, "one of them chosen, got 3 and 3"),
    ],
)
def test_a_moved_digit_refuses_what_does_not_belong_together(picture, change, message):
    with pytest.raises(ValueError, match=message):
        WarpedDigit(**(MOVED | change), **picture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 9}, "a size from 1 to 8, got 9"),
        ({"kernel": 0}, "a kernel from 1 to 5, got 0"),
        ({"stride": 1.5}, "a stride from 1 to 3, got 1.5"),
        ({"padding": -1}, "a padding from 0 to 4, got -1"),
        ({"dilation": 4}, "a dilation from 1 to 3, got 4"),
        ({"size": 4, "dilation": 2}, "at least one output, got .*'size': 4"),
        ({"size": 1, "padding": 2, "transposed": True}, "at least one output"),
    ],
)
def test_an_arithmetic_refuses_what_gives_no_output(picture, change, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionArithmetic(**change, **picture)


def test_an_arithmetic_shows_what_it_was_given(picture):
    made = ConvolutionArithmetic(size=1, padding=1, transposed=True, stride=3, **picture)
    settings = {"size": 1, "kernel": 3, "stride": 3, "padding": 1, "dilation": 1}
    assert made.data == settings | {"transposed": True}


WRITER = {
    "embedding": torch.ones(3, 2),
    "input_weight": torch.ones(12, 2),
    "hidden_weight": torch.ones(12, 4),
    "input_bias": torch.ones(12),
    "hidden_bias": torch.ones(12),
    "output_weight": torch.ones(3, 4),
    "output_bias": torch.ones(3),
    "alphabet": "ab ",
    "start": "a",
}


def test_a_writer_of_200_units_fits_the_budget(picture):
    sizes = {
        "embedding": (95, 32),
        "input_weight": (600, 32),
        "hidden_weight": (600, 200),
        "input_bias": (600,),
        "hidden_bias": (600,),
        "output_weight": (95, 200),
        "output_bias": (95,),
    }
    weights = {name: torch.randn(shape) for name, shape in sizes.items()}
    alphabet = "".join(map(chr, range(32, 127)))
    made = TextSampler(**weights, alphabet=alphabet, **picture)
    assert len(made._json) < 600_000
    got = made.decoded["network"]["hiddenWeight"]
    np.testing.assert_allclose(got, weights["hidden_weight"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embedding": torch.ones(4, 2)}, r"embedding of shape \(3, 2\), got \(4, 2\)"),
        ({"input_weight": torch.ones(12, 3)}, r"inputWeight of shape \(12, 2\), got \(12, 3\)"),
        ({"hidden_weight": torch.ones(11, 4)}, r"hiddenWeight of shape \(12, 4\)"),
        ({"output_bias": torch.ones(2)}, r"outputBias of shape \(3,\), got \(2,\)"),
        ({"start": ""}, "a start out of the alphabet's characters, got ''"),
        ({"start": "abc"}, "got 'abc'"),
        ({"temperature": 2.5}, "a temperature from 0 to 2, got 2.5"),
        ({"letters_per_second": 0}, "1 to 30 letters a second, got 0"),
    ],
)
def test_a_writer_refuses_what_does_not_belong_together(picture, change, message):
    with pytest.raises(ValueError, match=message):
        TextSampler(**(WRITER | change | picture))


def network(**sizes):
    model = EncoderDecoder(
        **({"source_size": 6, "target_size": 5, "embedding_size": 4, "hidden_size": 6} | sizes),
        generator=torch.Generator().manual_seed(0),
    )
    return model.state_dict()


def test_pronouncer_of_the_recorded_size_fits_the_budget(picture):
    weights = network(source_size=29, target_size=42, embedding_size=48, hidden_size=192)
    letters, phonemes = "abcdefghijklmnopqrstuvwxyz", [f"P{i}" for i in range(39)]
    made = Pronouncer(weights, letters, phonemes, **picture)
    assert len(made._json) < 600_000


def test_pronouncer_computes_with_weights_near_those_it_was_given(picture):
    weights = network()
    for dtype, error in (("float32", 0), ("float16", 1e-3), ("int8", 5e-3)):
        net = Pronouncer(weights, "abc", ["X", "Y"], word="ab", dtype=dtype, **picture).decoded
        found = net["net"]["mix"]["weight"].T
        np.testing.assert_allclose(found, weights["mix.weight"], rtol=0, atol=error)


@pytest.mark.parametrize(
    ("letters", "phonemes", "word", "message"),
    [
        ("abc", ["X", "Y"], "cabz", "expected a word of the letters abc, got 'cabz'"),
        ("abc", ["X", "Y"], "", "expected a word of the letters abc, got ''"),
        ("abcd", ["X", "Y"], "ab", "expected weights for 7 letters, got 6"),
        ("abc", ["X"], "ab", "expected weights for 4 phonemes, got 5"),
    ],
)
def test_pronouncer_refuses_what_does_not_fit(picture, letters, phonemes, word, message):
    with pytest.raises(ValueError, match=message):
        Pronouncer(network(), letters, phonemes, word=word, **picture)


def test_pronouncer_needs_a_network_with_attention(picture):
    weights = {name: w for name, w in network().items() if not name.startswith("context")}
    with pytest.raises(ValueError, match="expected the weights of a network with attention"):
        Pronouncer(weights, "abc", ["X", "Y"], word="ab", **picture)
