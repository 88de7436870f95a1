"""Draw who imports whom, so that anyone can see that all arrows point down.

What may import what stands in ``pyproject.toml`` and is checked by import-linter; the drawing
shows what is. Imports inside functions and for types alone count too.
"""

from pathlib import Path

import grimp
import networkx as nx

from bookbuild.project import BuildFailed

PACKAGES = ("deepbook", "deepbook.boltzmann", "bookbuild")


def imports_of(package: str, graph: grimp.ImportGraph | None = None) -> nx.DiGraph:
    """The parts of a package, modules and packages, and which of them imports which.

    Parameters
    ----------
    package : str
        For example ``"deepbook.boltzmann"``.
    graph : grimp.ImportGraph, optional
        All imports; read from the sources if not given.

    Returns
    -------
    networkx.DiGraph
        From who imports to what is imported, names without the package's.
    """
    graph = grimp.build_graph(package.partition(".")[0], cache_dir=None) if graph is None else graph
    found = nx.DiGraph()
    place = len(package.split("."))
    found.add_nodes_from(name.split(".")[place] for name in sorted(graph.find_children(package)))
    for module in sorted(graph.find_descendants(package)):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if imported.startswith(f"{package}."):
                user, used = module.split(".")[place], imported.split(".")[place]
                if user != used:
                    found.add_edge(user, used)
    return found


def levels_of(imports: nx.DiGraph) -> dict[str, int]:
    """How high each part stands: 0 if it imports no other, else one above the highest of those.

    Raises
    ------
    BuildFailed
        If imports go in a circle.
    """
    try:
        order = list(reversed(list(nx.topological_sort(imports))))
    except nx.NetworkXUnfeasible:
        circle = [user for user, _ in nx.find_cycle(imports)]
        raise BuildFailed(f"imports go in a circle: {' > '.join([*circle, circle[0]])}") from None
    levels: dict[str, int] = {}
    for part in order:
        levels[part] = max((levels[used] + 1 for used in imports.successors(part)), default=0)
    return levels


def draw(file: Path, packages: tuple[str, ...] = PACKAGES) -> None:
    """Write the drawing of these packages as SVG, one below the other.

    Raises
    ------
    BuildFailed
        If imports go in a circle.
    """
    from matplotlib.figure import Figure

    shown = {package: imports_of(package) for package in packages}
    levels = {package: levels_of(imports) for package, imports in shown.items()}
    heights = [max(levels[package].values()) + 1.5 for package in packages]
    figure = Figure(figsize=(11, 0.85 * sum(heights)), layout="constrained")
    figure.suptitle("Who imports whom. Arrows that follow from others are left out.")
    axes = figure.subplots(len(packages), height_ratios=heights, squeeze=False)[:, 0]
    boxes = {}
    for axis, package in zip(axes, packages, strict=True):
        axis.set_title(package, loc="left", weight="bold")
        axis.set(xlim=(0, 1), ylim=(-0.5, max(levels[package].values()) + 0.5))
        axis.axis("off")
        for part, place in _places(shown[package], levels[package]).items():
            boxes[package, part] = axis.text(*place, part, ha="center", va="center", bbox=_BOX)
    figure.draw_without_rendering()  # an arrow has to know where the boxes end
    for axis, package in zip(axes, packages, strict=True):
        for user, used in nx.transitive_reduction(shown[package]).edges:
            ends = boxes[package, used], boxes[package, user]
            # one that passes other rows goes around what stands there
            far = levels[package][user] - levels[package][used] > 1
            axis.annotate(
                "",
                *(end.get_position() for end in ends),
                arrowprops=_ARROW
                | {
                    "patchB": ends[0].get_bbox_patch(),
                    "patchA": ends[1].get_bbox_patch(),
                    "connectionstyle": f"arc3,rad={0.18 if far else 0}",
                },
                zorder=1,
            )
    figure.savefig(file, format="svg", metadata={"Date": None})


_BOX = {"boxstyle": "round,pad=0.45", "facecolor": "#f6f4ee", "edgecolor": "#35332d"}
_ARROW = {"arrowstyle": "-|>", "color": "#767469", "shrinkA": 0, "shrinkB": 1}


def _places(imports: nx.DiGraph, levels: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Where each part stands: its level upwards; across, from 0 to 1, under those that use it."""
    places: dict[str, tuple[float, float]] = {}

    def wanted(part: str) -> float:
        above = [places[user][0] for user in imports.predecessors(part)]
        return sum(above) / len(above) if above else 1.0

    for level in range(max(levels.values()), -1, -1):
        row = sorted((part for part in sorted(levels) if levels[part] == level), key=wanted)
        for number, part in enumerate(row):
            places[part] = (number + 0.5) / len(row), level
    return places
