"""How well small convolutional networks read digits, and what each of their parts is worth.

``python benchmarks/convnets.py parts``: 500 digits to learn from. A network with all parts, and
others that lack one each. Every method has four settings to choose from, by two networks judged by
500 validation digits; ten networks with the chosen one read 4,000 other digits once. Epochs,
batches and schedule are the same for all, and seed by seed the order of the digits. Writes the
records ``parts_tuning`` and ``parts`` of chapter ``convolution``.

``python benchmarks/convnets.py leaderboard``: MNIST-5k. The network with all parts, and one twice
as wide, chosen on 3,200 digits and 800 validation digits; then ten seeds on all 4,000 and the 1,000
test digits. Writes the records ``leaderboard_tuning`` and ``leaderboard``.

``python benchmarks/convnets.py mnist``: all 60,000 digits, tested on the 10,000, with settings that
stand in ``ALL_DIGITS``; nothing is chosen. Needs numcodecs. Writes the record ``mnist``.

What is measured is kept in ``_build/convnets_*.json``: the same call goes on from there.
``--write`` only writes records of what is there.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import deepbook
from deepbook.convolution import ConvNet, LeNet5
from deepbook.data.labelled import Labelled
from deepbook.regularization import Augmentation, RandomAffine, RandomElastic
from deepbook.training import accuracy, cosine_decay, evaluate, fit

COMMAND = "python benchmarks/convnets.py"
WEIGHT_DECAY = 0.01
CHOOSING, SEEDS, ALL_SEEDS = 2, 10, 2
Setting = Mapping[str, float | str]
AFFINE = {"turn": 10, "shift": 1.2, "scale": 0.1}
WARPS: list[Setting] = [{}, {"warp": 0.8}]


def variants(rates: Sequence[float], others: Sequence[Setting], **all_have: float | str) -> Any:
    """Each rate with each of the others."""
    return [{**all_have, "rate": rate, **other} for rate in rates for other in others]


# four settings each
DROPPED: list[Setting] = [{"dropout": 0.3}, {"dropout": 0.5}]
FAST, SLOW = (0.002, 0.004), (0.001, 0.002)
PARTS: dict[str, list[Setting]] = {
    "all parts": variants(FAST, WARPS, network="convnet", dropout=0.3, **AFFINE),
    "without augmentation": variants(FAST, DROPPED, network="convnet"),
    "without batch normalisation": variants(SLOW, WARPS, network="no norm", dropout=0.3, **AFFINE),
    "without dropout": variants(FAST, WARPS, network="convnet", **AFFINE),
    "plain": variants((0.0005, 0.001, 0.002, 0.004), [{}], network="no norm"),
    "LeNet-5": variants((0.0005, 0.001, 0.002, 0.004), [{}], network="lenet"),
}
# a wide network takes three times as long: half of the settings have to do
LEADERBOARD: dict[str, list[Setting]] = {
    "all parts": PARTS["all parts"],
    "all parts, twice as wide": variants(
        FAST[1:], WARPS, network="convnet", width=32, dropout=0.3, **AFFINE
    ),
}
ALL_DIGITS: dict[str, tuple[int, Setting]] = {
    "convolutional network": (
        20,
        {"network": "convnet", "rate": 0.004, "dropout": 0.3, **AFFINE},
    ),
}


def learned(
    setting: Setting, learn: Labelled, epochs: int, batch_size: int, seed: int
) -> nn.Module:
    """A network trained as the setting says."""
    generator = deepbook.generator(seed)
    model = network(setting, generator)
    rate = float(setting["rate"])
    fit(
        model,
        pictures(learn),
        learn.targets,
        loss=cross_entropy,
        optimizer=torch.optim.AdamW(
            model.parameters(), rate, weight_decay=WEIGHT_DECAY, fused=True
        ),
        epochs=epochs,
        batch_size=batch_size,
        schedule=cosine_decay(),
        generator=deepbook.generator(seed),
        augment=augmentation(setting, deepbook.generator(seed)),
    )
    return model


def network(setting: Setting, generator: torch.Generator) -> nn.Module:
    """A new network."""
    kind, dropout = setting["network"], float(setting.get("dropout", 0))
    if kind == "lenet":
        return LeNet5(generator=generator)
    width = int(setting.get("width", 16))
    return ConvNet(
        (width, 2 * width, 4 * width),
        batch_norm=kind != "no norm",
        dropout=dropout,
        channels_last=True,
        generator=generator,
    )


def augmentation(setting: Setting, generator: torch.Generator) -> Augmentation | None:
    """What happens to each batch; None for nothing."""
    transforms: list[Callable[..., Tensor]] = []
    if "turn" in setting:
        transforms.append(
            RandomAffine(
                rotation=float(setting["turn"]),
                shift=float(setting["shift"]),
                scale=float(setting["scale"]),
                centre=(14, 14),
            )
        )
    if "warp" in setting:
        transforms.append(RandomElastic(float(setting["warp"])))
    return Augmentation(*transforms, generator=generator) if transforms else None


def pictures(digits: Labelled) -> Tensor:
    """Shape (N, 1, 28, 28)."""
    return digits.images[:, None]


def read(model: nn.Module, judge: Labelled) -> float:
    """Digits read, in per cent."""
    return round(100 * evaluate(model, pictures(judge), judge.targets, accuracy), 3)


class Kept:
    """Numbers by what was measured, written down one by one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.numbers: dict[str, dict[str, float]] = {}
        if path is not None and path.exists():
            self.numbers = json.loads(path.read_text("utf-8"))

    def __call__(
        self,
        what: str,
        learn: Labelled,
        judge: Labelled,
        setting: Setting,
        seed: int,
        *,
        epochs: int,
        batch_size: int = 100,
    ) -> dict[str, float]:
        """What a network reads and the processor's seconds it took; or what is there already."""
        if what not in self.numbers:
            began = time.process_time()
            model = learned(setting, learn, epochs, batch_size, seed)
            seconds = round(time.process_time() - began, 1)
            self.numbers[what] = {"read": read(model, judge), "seconds": seconds}
            print(f"{what}: {self.numbers[what]}", flush=True)
            if self.path is not None:
                self.path.parent.mkdir(exist_ok=True)
                self.path.write_text(json.dumps(self.numbers, indent=1) + "\n", "utf-8")
        return self.numbers[what]

    def all_of(self, beginning: str) -> list[dict[str, float]]:
        """Of the seeds 0, 1, ... that are there, in this order."""
        found: list[dict[str, float]] = []
        while (what := f"{beginning} {len(found)}") in self.numbers:
            found.append(self.numbers[what])
        return found


def parts(quick: bool, only_write: bool) -> None:
    """500 digits."""
    digits = deepbook.data.few_digits()
    train = digits.train.first(2) if quick else digits.train
    compare(
        Comparison("parts", PARTS, train, digits.validation, train, digits.test, 40, 50),
        quick,
        only_write,
    )


def leaderboard(quick: bool, only_write: bool) -> None:
    """MNIST-5k."""
    train, test = deepbook.data.mnist5k().train, deepbook.data.mnist5k().test
    learn, validation = train.split()
    if quick:
        learn, train = learn.first(2), train.first(2)
    compare(
        Comparison("leaderboard", LEADERBOARD, learn, validation, train, test, 25, 100),
        quick,
        only_write,
    )


@dataclass(frozen=True)
class Comparison:
    """What is compared on which digits."""

    name: str
    tried: dict[str, list[Setting]]
    learn: Labelled
    validation: Labelled
    train: Labelled
    test: Labelled
    epochs: int
    batch_size: int


def compare(it: Comparison, quick: bool, only_write: bool) -> None:
    """Choose a setting for each method, measure it, and write down what is there."""
    kept = Kept(None if quick else ROOT / "_build" / f"convnets_{it.name}.json")
    train = {"epochs": 1 if quick else it.epochs, "batch_size": it.batch_size}
    tuning: list[Row] = []
    rows: list[Row] = []
    for method, settings in it.tried.items():
        keys = [f"{method}, {said(setting)}" for setting in settings]
        if not only_write:
            for key, setting in zip(keys, settings, strict=True):
                for seed in range(CHOOSING):
                    what = f"{key}, validation {seed}"
                    kept(what, it.learn, it.validation, setting, seed, **train)
        validated = [kept.all_of(f"{key}, validation") for key in keys]
        if any(len(runs) < CHOOSING for runs in validated):
            continue  # only written: not there yet
        # the first of those with the best sum
        best = max(range(len(settings)), key=lambda i: sum(r["read"] for r in validated[i]))
        if not only_write:
            for seed in range(1 if quick else SEEDS):
                what = f"{keys[best]}, test {seed}"
                kept(what, it.train, it.test, settings[best], seed, **train)
        for setting, runs in zip(settings, validated, strict=True):
            mean = round(sum(r["read"] for r in runs) / len(runs), 3)
            tuning.append({"method": method, "setting": said(setting), "validation read": mean})
        for seed, run in enumerate(kept.all_of(f"{keys[best]}, test")):
            rows.append(
                {
                    "method": method,
                    "setting": said(settings[best]),
                    "seed": seed,
                    "test read": run["read"],
                    "CPU-seconds": run["seconds"],
                }
            )
        if not quick and rows:
            command = f"{COMMAND} {it.name}"
            title = "Settings to choose from, on validation digits"
            write("convolution", content(f"{it.name}_tuning", title, tuning, command))
            title = "Ten seeds with the chosen settings"
            write("convolution", content(it.name, title, rows, command))


def mnist(quick: bool, only_write: bool) -> None:
    """All of MNIST."""
    kept = Kept(None if quick else ROOT / "_build" / "convnets_mnist.json")
    if not only_write:
        digits = deepbook.data.mnist70k()
        train = digits.train.first(10) if quick else digits.train
        for name, (epochs, setting) in ALL_DIGITS.items():
            for seed in range(ALL_SEEDS):
                what = f"{name}, {seed}"
                kept(what, train, digits.test, setting, seed, epochs=1 if quick else epochs)
    rows: list[Row] = []
    for what, numbers in kept.numbers.items():
        name, number = what.rsplit(", ", 1)
        epochs, setting = ALL_DIGITS[name]
        rows.append(
            {
                "network": name,
                "setting": said(setting),
                "epochs": epochs,
                "seed": int(number),
                "test read": numbers["read"],
                "CPU-seconds": numbers["seconds"],
            }
        )
    rows.sort(key=lambda row: (str(row["network"]), float(row["seed"] or 0)))
    if not quick and rows:
        title = "60,000 digits of MNIST learned, 10,000 read"
        write("convolution", content("mnist", title, rows, f"{COMMAND} mnist"))


def said(setting: Setting) -> str:
    """A setting in words."""
    words = {
        "rate": "rate {:g}",
        "dropout": "dropout {:g}",
        "turn": "{:g}°",
        "shift": "{:g} px",
        "scale": "{:.0%} larger or smaller",
        "warp": "warps {:g} px",
    }
    return ", ".join(word.format(setting[name]) for name, word in words.items() if name in setting)


def main() -> int:
    """Measure what is not there yet, and write down what is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["parts", "leaderboard", "mnist"])
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    parser.add_argument("--write", action="store_true", help="only write what is there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    run = {"parts": parts, "leaderboard": leaderboard, "mnist": mnist}[options.what]
    run(options.quick, options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
