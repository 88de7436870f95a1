"""How much room a claim has: the distance from what is measured to what is promised.

Another processor draws, in effect, other random numbers. So each page runs again under other
seeds (``DEEPBOOK_SEED_OFFSET``), and beside it lies the record of what its claims then
measured: ``book/boltzmann/restricted.room.json``. The *room* of a claim is the distance from
the mean of its values to its bound, in standard deviations; values that do not move are
exact. A promise on a random result needs a room of at least four, over at least twelve seeds,
none of which broke it.

A record is stale when the page's code changed, or a module or a data set that it ran with. What
is promised of a number is no part of that code: it decides nothing that is measured, and a new
bound is laid on the old values.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bookbuild.execution.dependencies import Surroundings
from bookbuild.execution.experiment import experiment_at, modules_that_measure
from bookbuild.page_source import Finding
from bookbuild.project import BuildFailed, Project

SEEDS = 12
ENOUGH = 4.0
# pages count their own seeds 0, 1, 2, ...: the next seed of the book is far from these
STRIDE = 1000


@dataclass(frozen=True)
class Room:
    """What is known of one claim under other seeds.

    Attributes
    ----------
    mean, deviation, worst : float
        Of the values; the worst is the one nearest to its bound, or farthest beyond it.
    seeds : int
    broken : int
        How many seeds broke the claim.
    room : float
        Infinite for values that do not move and keep the bound.
    """

    mean: float
    deviation: float
    worst: float
    seeds: int
    broken: int
    room: float

    @property
    def exact(self) -> bool:
        """Whether the values do not move."""
        return self.deviation == 0

    @property
    def enough(self) -> bool:
        """Whether the claim may be promised."""
        return not self.broken and (self.exact or (self.seeds >= SEEDS and self.room >= ENOUGH))


def room_of(runs: Sequence[Mapping[str, Any]]) -> Room:
    """The room of a claim that was made once under each seed.

    Parameters
    ----------
    runs : sequence of mappings
        Each with ``value``, and ``low`` and ``high``, of which one may be None.
    """
    values = [float(run["value"]) for run in runs]
    broken, nearest, rooms = 0, [math.inf] * len(runs), []
    for side, sign in (("low", 1.0), ("high", -1.0)):
        distances = [
            sign * (value - run[side])
            for value, run in zip(values, runs, strict=True)
            if run[side] is not None
        ]
        if len(distances) == len(runs):
            nearest = list(map(min, nearest, distances))
            rooms.append(_in_deviations(distances))
    finite = all(map(math.isfinite, values))
    broken = sum(not distance >= 0 for distance in nearest)
    return Room(
        mean=mean(values) if finite else math.nan,
        deviation=_deviation(values),
        worst=values[min(range(len(runs)), key=lambda n: nearest[n])],
        seeds=len(runs),
        broken=broken,
        room=min(rooms) if rooms and finite else -math.inf,
    )


def _in_deviations(distances: list[float]) -> float:
    deviation = _deviation(distances)
    middle = mean(distances)
    return middle / deviation if deviation else math.copysign(math.inf, middle)


def _deviation(values: list[float]) -> float:
    if len(set(values)) == 1:
        return 0.0
    return stdev(values) if all(map(math.isfinite, values)) else math.nan


@dataclass(frozen=True)
class RoomRecord:
    """What a page's claims measured under other seeds.

    Attributes
    ----------
    code, bounds : str
        Of the page's :class:`bookbuild.execution.experiment.Experiment`.
    modules, data : mapping from name to hash
    offsets : list of int
    runs : mapping from claim to list of mappings
        What each seed gave: ``value``, ``low``, ``high``; and ``bound`` in words.
    """

    code: str
    bounds: str
    modules: Mapping[str, str]
    data: Mapping[str, str]
    offsets: list[int]
    runs: Mapping[str, list[dict[str, Any]]]

    def rooms(self, claims: list[dict[str, Any]] | None = None) -> dict[str, Room]:
        """The room of each claim; of those ``claims`` alone, with their bounds, if given."""
        if claims is None:
            return {name: room_of(runs) for name, runs in self.runs.items()}
        return {
            claim["name"]: room_of(_with_bounds(self.runs[claim["name"]], claim))
            for claim in claims
            if claim["name"] in self.runs
        }

    def write(self, file: Path) -> None:
        """Write the record, and for people what follows from it."""
        rooms = self.rooms()
        claims = {
            name: {
                "bound": runs[0]["bound"],
                "mean": short(rooms[name].mean),
                "standard deviation": short(rooms[name].deviation),
                "worst": short(rooms[name].worst),
                "seeds": rooms[name].seeds,
                "room": "exact" if rooms[name].exact else short(rooms[name].room),
                **{key: _once([run[key] for run in runs]) for key in ("low", "high", "value")},
            }
            for name, runs in self.runs.items()
        }
        content = {
            "code": self.code,
            "bounds": self.bounds,
            "modules": dict(self.modules),
            "data": dict(self.data),
            "offsets": self.offsets,
            "claims": claims,
        }
        scratch = file.with_suffix(".new")
        scratch.write_text(_dump(content), "utf-8")
        scratch.replace(file)


def _with_bounds(runs: list[dict[str, Any]], claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs, under the bound of today where all of them had the same."""
    for side in ("low", "high"):
        if len({run[side] for run in runs}) == 1:
            runs = [{**run, side: claim[side]} for run in runs]
    return runs


def short(number: float | str | None) -> float | str | None:
    """Seven digits: JSON without the noise, and without NaN."""
    if number is None or isinstance(number, str):
        return number
    return float(f"{number:.7g}") if math.isfinite(number) else str(number)


def _once(values: list[Any]) -> Any:
    """One value, to the last digit, if all are the same: a bound may be as near as that."""
    if all(value == values[0] for value in values):
        return values[0] if isinstance(short(values[0]), float) else short(values[0])
    return [short(value) for value in values]


def _dump(content: Mapping[str, Any]) -> str:
    """JSON with one line a claim: a change of one claim is a change of one line."""
    lines = []
    for key, value in content.items():
        if key == "claims":
            rows = [f"  {json.dumps(n)}: {json.dumps(c)}" for n, c in value.items()]
            lines.append(' "claims": {\n' + ",\n".join(rows) + "\n }")
        elif isinstance(value, dict):
            rows = [f"  {json.dumps(n)}: {json.dumps(c)}" for n, c in sorted(value.items())]
            lines.append(f' "{key}": {{\n' + ",\n".join(rows) + "\n }")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def room_file(project: Project, page: str) -> Path:
    """Where a page's record lies: beside the page."""
    return project.root / f"{page}.room.json"


def read_room(project: Project, page: str) -> RoomRecord | None:
    """A page's record; None if it has none, or a damaged one."""
    try:
        told = json.loads(room_file(project, page).read_text("utf-8"))
        offsets = told["offsets"]
        runs = {
            name: [
                {"bound": claim["bound"]}
                | {key: _nth(claim[key], n) for key in ("low", "high", "value")}
                for n in range(len(offsets))
            ]
            for name, claim in told["claims"].items()
        }
        return RoomRecord(
            told["code"], told["bounds"], told["modules"], told["data"], offsets, runs
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _nth(value: Any, n: int) -> Any:
    one = value[n] if isinstance(value, list) else value
    return float(one) if isinstance(one, str) else one


def why_stale(
    project: Project, page: str, record: RoomRecord | None, surroundings: Surroundings
) -> tuple[str, bool] | None:
    """Why a page has to run again under other seeds, and whether its own code is the reason.

    None if the record is fresh.
    """
    if record is None:
        damaged = room_file(project, page).exists()
        return ("its record of room is damaged" if damaged else "it has no record of room"), True
    experiment = experiment_at(project, page)
    if record.code != experiment.code:
        return "its code changed since its room was measured", True
    if record.bounds != experiment.bounds:
        return "its bounds changed since its room was measured", True
    for name, before in record.modules.items():
        if modules_that_measure([name]).get(name) != before:
            return f"{name} changed since its room was measured", False
    for name, before in record.data.items():
        if surroundings.data(name) != before:
            return f"the data {name} changed since its room was measured", False
    return None


def check_room(
    project: Project,
    page: str,
    claims: list[dict[str, Any]],
    surroundings: Surroundings,
    lines: Mapping[str, int],
) -> Iterator[Finding]:
    """Find the claims of a page that have no room.

    Parameters
    ----------
    project : Project
    page : str
    claims : list of dict
        What the page claimed when it ran last.
    surroundings : Surroundings
    lines : mapping from claim to the line of its cell
    """
    file = f"{page}.md"
    record = read_room(project, page)
    try:
        stale = why_stale(project, page, record, surroundings) if claims else None
    except BuildFailed:
        return  # the checks of sources tell
    if stale is not None:
        reason, own = stale
        advice = f"{reason}: run `python -m bookbuild room --page {page}`"
        yield Finding(file, 1, advice, "strict" if own else "warning")
    if record is None:
        return
    rooms = record.rooms(claims)
    for claim in claims:
        name = claim["name"]
        room = rooms.get(name)
        line = lines.get(name, 1)
        if room is None:
            yield Finding(file, line, f"the claim {name} has no record of room", "strict")
        elif not room.enough:
            yield Finding(file, line, f"the claim {name} {lack(room, claim['bound'])}", "strict")


def lack(room: Room, bound: str) -> str:
    """What a claim lacks that may not be promised."""
    spread = f"mean {room.mean:.4g}, standard deviation {room.deviation:.2g}"
    if room.broken:
        return (
            f"was broken by {room.broken} of {room.seeds} seeds: promised {bound}, "
            f"worst {room.worst:.4g}, {spread}"
        )
    if room.seeds < SEEDS:
        return f"rests on {room.seeds} seeds, expected at least {SEEDS}"
    return (
        f"has {room.room:.1f} standard deviations of room, expected at least {ENOUGH:g}: "
        f"promised {bound}, {spread}"
    )
