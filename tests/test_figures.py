import base64
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, PathCollection
from matplotlib.colors import to_rgb
from nbformat.v4 import new_code_cell, new_notebook

from bookbuild.execution.kernel import run_page
from bookbuild.extensions.pictures import size_of_png
from deepbook import figures

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB
VISION = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(color):
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Contrast of WCAG 2.1."""
    dark, light = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(color, vision):
    """CIELAB (D65) of a colour as it is seen."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(vision @ linear(color), 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("color", [*figures.COLORS, figures.INK])
def test_each_colour_has_the_contrast_of_aa_on_the_card(color):
    assert contrast(color, figures.CARD) >= 3


def test_text_has_the_contrast_of_aa_on_the_card():
    assert contrast(figures.INK, figures.CARD) >= 4.5


def test_nothing_has_the_cards_colour_in_every_colour_map():
    assert figures.BLUES(0.0) == pytest.approx((*to_rgb(figures.CARD), 1))
    assert figures.DIVERGING(0.5) == pytest.approx((*to_rgb(figures.CARD), 1), abs=0.01)


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_stay_apart_for_colour_blind_readers(vision):
    for one, other in combinations(figures.COLORS, 2):
        distance = np.linalg.norm(lab(one, VISION[vision]) - lab(other, VISION[vision]))
        assert distance >= 20, (one, other)


def test_every_colour_has_a_line_style_of_its_own():
    assert len(set(figures.LINE_STYLES)) == len(figures.LINE_STYLES) == len(figures.COLORS)
    cycle = mpl.rcParams["axes.prop_cycle"]
    assert [(c["color"], c["linestyle"]) for c in cycle] == list(
        zip(figures.COLORS, figures.LINE_STYLES, strict=True)
    )


def test_the_look_is_applied_by_importing_and_comes_back_when_asked():
    with mpl.rc_context():
        mpl.rcdefaults()
        figures.use_style()
        assert mpl.rcParams["figure.facecolor"] == figures.CARD
        assert mpl.rcParams["savefig.facecolor"] == figures.CARD
        assert mpl.rcParams["svg.hashsalt"] == "deepbook"


SOURCE = """
import numpy as np
import matplotlib.pyplot as plt
from deepbook import figures

figure, (left, right, below) = plt.subplots(1, 3)
figures.curves([1, 2, 3], {"a": np.eye(3), "b": [1, 2, 3]}, xlabel="$x$", ylabel="y", ax=left)
figures.decision_regions(lambda p: p[:, 0] - p[:, 1], xlim=(-1, 1), ylim=(-1, 1), ax=right)
figures.heatmap([[1.0, -2.0]], rows=["a"], columns=["b", "c"], numbers=".1f", ax=below);
"""


def test_a_figure_on_a_page_has_the_same_bytes_every_time_and_no_date():
    renders = []
    for _ in range(2):
        run = run_page("page", new_notebook(cells=[new_code_cell(SOURCE)]), fork=False)
        assert run.failure is None
        (output,) = run.notebook.cells[0].outputs
        renders.append(output.data["image/svg+xml"])
        assert "image/png" not in output.data
    assert renders[0] == renders[1]
    assert "<path" in renders[0]
    assert "dc:date" not in renders[0]


def test_a_notebook_that_asks_for_it_has_each_figure_as_svg_and_png_with_the_same_bytes():
    source = SOURCE.replace("figure, (", "figures.also_png()\nfigure, (")
    renders = []
    for _ in range(2):
        run = run_page("page", new_notebook(cells=[new_code_cell(source)]), fork=False)
        assert run.failure is None
        (output,) = run.notebook.cells[0].outputs
        renders.append(output.data)
    assert {"image/svg+xml", "image/png"} < {*renders[0]}
    assert renders[0] == renders[1]
    assert "dc:date" not in renders[0]["image/svg+xml"]
    # both show the same figure, as large as each other
    root = ElementTree.fromstring(renders[0]["image/svg+xml"])
    points = [float(root.get(side).removesuffix("pt")) for side in ("width", "height")]
    pixels = size_of_png(base64.b64decode(renders[0]["image/png"]))
    assert pixels == pytest.approx([mpl.rcParams["figure.dpi"] / 72 * p for p in points], abs=2)


def test_outside_a_notebook_to_ask_for_png_changes_nothing():
    figures.also_png()


def test_an_image_grid_shows_each_picture_and_leaves_the_rest_empty():
    pictures = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    figure = figures.image_grid(pictures, columns=3, titles=list("abcde"))
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert np.array_equal(shown, pictures)
    assert [axis.get_title() for axis in figure.axes] == [*"abcde", ""]
    assert not any(axis.axison for axis in figure.axes)


def test_symmetric_images_share_a_scale_with_the_cards_colour_at_zero():
    figure = figures.image_grid([[[0.0, -3.0]], [[1.0, 0.0]]], symmetric=True)
    images = [axis.images[0] for axis in figure.axes]
    assert [image.get_clim() for image in images] == [(-3, 3), (-3, 3)]
    zero = images[0].to_rgba(np.array([[0.0]]))[0, 0, :3]
    assert zero == pytest.approx(to_rgb(figures.CARD), abs=0.01)
    figures.image_grid(np.zeros((1, 2, 2)), symmetric=True)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((2, 2)), {}, r"shape \(N, height, width\), got \(2, 2\)"),
        (np.zeros((0, 2, 2)), {}, r"got \(0, 2, 2\)"),
        (np.zeros((2, 2, 2)), {"titles": ["a"]}, "expected 2 titles, got 1"),
        (np.zeros((2, 2, 2)), {"columns": 0}, "at least 1 column, got 0"),
    ],
)
def test_an_image_grid_names_what_it_expected(images, options, message):
    with pytest.raises(ValueError, match=message):
        figures.image_grid(images, **options)


def test_curves_show_the_mean_and_a_band_from_lowest_to_highest():
    runs = np.array([[1.0, 5.0, 2.0], [3.0, 1.0, 2.0]])
    ax = figures.curves([0, 1, 2], {"several": runs, "one": [1, 2, 3]}, xlabel="x", ylabel="y")
    several, one = ax.lines
    assert np.array_equal(several.get_ydata(), [2, 3, 2])
    assert np.array_equal(one.get_ydata(), [1, 2, 3])
    (band,) = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    corners = {tuple(point) for point in band.get_paths()[0].vertices}
    assert corners == {(0, 1), (0, 3), (1, 1), (1, 5), (2, 2)}
    assert several.get_linestyle() != one.get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["several", "one"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_curves_may_be_labelled_at_their_ends():
    ax = figures.curves(
        [0, 1], {"up": [0, 1], "down": [1, 0]}, xlabel="x", ylabel="y", label_at_end=True
    )
    assert [(t.get_text(), t.xy) for t in ax.texts] == [("up", (1, 1)), ("down", (1, 0))]
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"a": [1, 2]}, r"expected 'a' of shape \(3,\) or \(seeds, 3\), got \(2,\)"),
        ({"a": np.zeros((2, 2, 3))}, r"got \(2, 2, 3\)"),
        ({str(k): [1, 2, 3] for k in range(6)}, "at most 5 curves in one figure, got 6"),
    ],
)
def test_curves_name_what_they_expected(lines, message):
    with pytest.raises(ValueError, match=message):
        figures.curves([0, 1, 2], lines, xlabel="x", ylabel="y")


def test_a_confusion_matrix_shows_each_count_at_its_place():
    ax = figures.confusion_matrix([[50, 3], [0, 7]], ["cat", "dog"])
    shown = {t.get_position(): t.get_text() for t in ax.texts}
    assert shown == {(0, 0): "50", (1, 0): "3", (1, 1): "7"}
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_a_confusion_matrix_takes_a_class_without_examples():
    ax = figures.confusion_matrix([[0, 0], [1, 1]])
    assert np.isfinite(ax.images[0].get_array()).all()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "1"]


@pytest.mark.parametrize("share", range(0, 101, 2))
def test_counts_can_be_read_on_every_shade_of_a_confusion_matrix(share):
    ax = figures.confusion_matrix([[share, 100 - share], [1, 0]])
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        shade = image.to_rgba(image.get_array())[int(row), int(column), :3]
        assert contrast(text.get_color(), shade) >= 4.5


@pytest.mark.parametrize(
    ("counts", "labels", "error", "message"),
    [
        (np.zeros((2, 3), int), None, ValueError, r"shape \(K, K\), got \(2, 3\)"),
        (np.eye(2, dtype=int), ["a"], ValueError, "expected 2 labels, got 1"),
        (np.eye(2), None, TypeError, "counts that are integers, got float64"),
    ],
)
def test_a_confusion_matrix_names_what_it_expected(counts, labels, error, message):
    with pytest.raises(error, match=message):
        figures.confusion_matrix(counts, labels)


def bar_of(ax):
    (bar,) = [axes for axes in ax.figure.axes if axes is not ax]
    return bar


def test_a_heat_map_shows_each_number_at_its_place_with_labels_and_a_bar():
    ax = figures.heatmap(
        [[0.1, 0.25], [0.5, 1.0], [0.75, 0.0]],
        rows=["a", "b", "c"],
        columns=["left", "right"],
        xlabel="to",
        ylabel="from",
        numbers=".2f",
        bar="share",
    )
    assert np.array_equal(ax.images[0].get_array(), [[0.1, 0.25], [0.5, 1.0], [0.75, 0.0]])
    shown = {t.get_position(): t.get_text() for t in ax.texts}
    assert (shown[0, 0], shown[1, 0], shown[1, 1], shown[0, 2]) == ("0.10", "0.25", "1.00", "0.75")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["left", "right"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("to", "from")
    assert bar_of(ax).get_ylabel() == "share"
    assert ax.images[0].get_clim() == (0, 1)


def test_a_heat_map_of_one_sign_is_the_darker_the_larger():
    for values in ([[1.0, 2.0, 3.0]], [[-3.0, -2.0, -1.0]]):
        image = figures.heatmap(values).images[0]
        light, middle, dark = linear_shades(image)
        assert light > middle > dark
        assert image.get_clim() == (values[0][0], values[0][2])


def linear_shades(image):
    shades = image.to_rgba(image.get_array())[0, :, :3]
    return [linear(shade) @ [0.2126, 0.7152, 0.0722] for shade in shades]


def test_a_heat_map_of_both_signs_has_the_cards_colour_at_zero_and_one_scale():
    image = figures.heatmap([[-1.0, 0.0, 3.0]]).images[0]
    assert image.get_clim() == (-3, 3)
    below, zero, above = image.to_rgba(image.get_array())[0, :, :3]
    assert zero == pytest.approx(to_rgb(figures.CARD), abs=0.01)
    assert below[2] > below[0]  # blue
    assert above[0] > above[2]  # orange
    assert figures.heatmap([[0.2, 0.3]], limits=(-1, 0.5)).images[0].get_clim() == (-1, 1)
    assert figures.heatmap([[0.2, 0.3]], limits=(0, 1)).images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("values", [np.linspace(0, 1, 101), np.linspace(-1, 1, 201)])
def test_numbers_can_be_read_on_every_colour_of_a_heat_map(values):
    ax = figures.heatmap(values[None], numbers=".2f")
    image = ax.images[0]
    assert len(ax.texts) == len(values)
    for text in ax.texts:
        shade = image.to_rgba(image.get_array())[0, int(text.get_position()[0]), :3]
        assert contrast(text.get_color(), shade) >= 4.5


def test_a_heat_map_marks_a_missing_number_and_writes_a_minus():
    ax = figures.heatmap([[np.nan, -1.0, 2.0]], numbers=".0f")
    assert [t.get_text() for t in ax.texts] == ["×", "−1", "2"]
    assert [t.get_text() for t in figures.heatmap([[np.nan, 1.0]]).texts] == ["×"]
    empty = ax.images[0].to_rgba(ax.images[0].get_array())[0, 0]
    assert empty[3] == 0  # transparent: the card shows


def test_a_heat_map_may_go_without_labels_and_bar_and_take_one_number_for_all():
    ax = figures.heatmap(np.full((2, 2), 0.5), bar=None)
    assert ax.figure.axes == [ax]
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_long_labels_of_columns_are_turned():
    short = figures.heatmap(np.zeros((1, 3)), columns=["a", "b", "c"])
    long = figures.heatmap(np.zeros((1, 3)), columns=["a long label of a column"] * 3)
    assert {t.get_rotation() for t in short.get_xticklabels()} == {0}
    assert {t.get_rotation() for t in long.get_xticklabels()} == {40}


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, 2], {}, r"values of shape \(R, C\), got \(2,\)"),
        (np.zeros((0, 2)), {}, r"got \(0, 2\)"),
        (np.eye(2), {"rows": ["a"]}, "expected 2 row labels, got 1"),
        (np.eye(2), {"columns": list("abc")}, "expected 2 column labels, got 3"),
        ([[1, np.inf]], {}, "finite numbers"),
        ([[np.nan]], {}, "finite numbers"),
        (np.eye(2), {"limits": (1, 1)}, r"limits that ascend, got \(1, 1\)"),
    ],
)
def test_a_heat_map_names_what_it_expected(values, options, message):
    with pytest.raises(ValueError, match=message):
        figures.heatmap(values, **options)


@pytest.mark.parametrize(
    "score",
    [
        lambda p: p[:, 0] + 0.3 * p[:, 1] - 0.1,
        lambda p: 0.5 - (p**2).sum(axis=1),
        lambda p: np.abs(p[:, 0]) - 0.31,
    ],
    ids=["half-plane", "disc", "two sides"],
)
def test_decision_regions_shade_exactly_where_the_score_is_above_zero(score):
    ax = figures.decision_regions(score, xlim=(-1, 1), ylim=(-1, 1), resolution=41)
    shading, boundary = ax.collections
    side = np.linspace(-1, 1, 41)[1:-1]  # points inside, not on the figure's edge
    points = np.stack([grid.ravel() for grid in np.meshgrid(side, side)], axis=1)
    (shape,) = shading.get_paths()
    assert np.array_equal(shape.contains_points(points), score(points) > 0)
    on_the_line = boundary.get_paths()[0].vertices
    assert np.abs(score(on_the_line)).max() < 0.01
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-1, 1))


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_decision_regions_draw_no_boundary_where_there_is_none(value):
    ax = figures.decision_regions(lambda p: np.full(len(p), value), xlim=(0, 1), ylim=(0, 1))
    (shading,) = ax.collections
    shaded = [path for path in shading.get_paths() if len(path.vertices)]
    assert bool(shaded) == (value > 0)


def test_decision_regions_name_the_shape_they_expected():
    with pytest.raises(ValueError, match=r"expected scores of shape \(25,\), got \(25, 1\)"):
        figures.decision_regions(lambda p: p[:, :1], xlim=(0, 1), ylim=(0, 1), resolution=5)


def test_a_network_has_a_circle_for_each_unit_and_a_line_for_each_weight():
    ax = figures.network([3, 4, 2], labels=["in", "hidden", "out"])
    circles = [c for c in ax.collections if isinstance(c, PathCollection)]
    assert [len(c.get_offsets()) for c in circles] == [3, 4, 2]
    assert len(ax.lines) == 3 * 4 + 4 * 2
    assert [t.get_text() for t in ax.texts] == ["in", "hidden", "out"]


def test_a_large_layer_is_drawn_with_an_ellipsis_and_its_true_size():
    ax = figures.network([784, 2], most=6)
    assert len(ax.collections[0].get_offsets()) == 6
    assert [t.get_text() for t in ax.texts] == ["⋮", "784", "2"]


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ([3], {}, r"two or more layers of at least 1 unit, got \[3\]"),
        ([3, 0], {}, r"got \[3, 0\]"),
        ([3, 2], {"labels": ["a"]}, "expected 2 labels, got 1"),
        ([3, 2], {"most": 0}, "at least 1 unit of a layer, got 0"),
    ],
)
def test_a_network_names_what_it_expected(sizes, options, message):
    with pytest.raises(ValueError, match=message):
        figures.network(sizes, **options)


def test_every_helper_draws_into_the_axes_that_it_is_given():
    _, ax = plt.subplots()
    options = {"xlim": (0, 1), "ylim": (0, 1)}
    assert figures.curves([0, 1], {"a": [0, 1]}, xlabel="", ylabel="", ax=ax) is ax
    assert figures.confusion_matrix(np.eye(2, dtype=int), ax=ax) is ax
    assert figures.decision_regions(lambda p: p[:, 0] - 0.5, ax=ax, **options) is ax
    assert figures.heatmap(np.eye(2), bar=None, ax=ax) is ax
    assert figures.network([1, 1], ax=ax) is ax
    assert plt.get_fignums() == [ax.figure.number]
