"""How well small convolutional networks read digits, and what each of their parts is worth.

``python benchmarks/convnets.py parts``: MNIST-5k. A network with all parts, and others that lack
one each. Every method has four settings to choose from, by two networks trained on 3,200 digits and
judged by 800 validation digits; ten networks with the chosen one learn from all 4,000 and read the
1,000 test digits once. Epochs, batches and schedule are the same for all. Writes the records
``leaderboard_tuning`` and ``leaderboard`` of chapter ``convolution``.

``python benchmarks/convnets.py mnist``: all 60,000 digits, tested on the 10,000, with settings that
stand in ``ALL_DIGITS``; nothing is chosen. Needs numcodecs. Writes the record ``mnist``.

What is measured is kept in ``_build/convnets.json`` and ``_build/convnets_mnist.json``: the same
call goes on from there. ``--write`` only writes records of what is there.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import deepbook
from deepbook.convolution import ConvNet, LeNet5, ResidualNet
from deepbook.data.labelled import Labelled
from deepbook.regularization import Augmentation, RandomAffine, RandomElastic
from deepbook.training import accuracy, cosine_decay, evaluate, fit

COMMAND = "python benchmarks/convnets.py"
BATCH_SIZE, WEIGHT_DECAY = 100, 0.01
EPOCHS, CHOOSING, SEEDS = 25, 2, 10
Setting = Mapping[str, float | str]
AFFINE = {"turn": 10, "shift": 1.2, "scale": 0.1}
WARPS = [{}, {"warp": 0.8}]
# four settings each
TRIED: dict[str, list[Setting]] = {
    "all parts": [
        {"network": "convnet", "rate": rate, "dropout": 0.3, **AFFINE, **warp}
        for rate in (0.002, 0.004)
        for warp in WARPS
    ],
    "all parts, twice as wide": [
        {"network": "convnet", "width": 32, "rate": rate, "dropout": 0.3, **AFFINE, **warp}
        for rate in (0.002, 0.004)
        for warp in WARPS
    ],
    "without augmentation": [
        {"network": "convnet", "rate": rate, "dropout": p}
        for rate in (0.002, 0.004)
        for p in (0.3, 0.5)
    ],
    "without batch normalisation": [
        {"network": "no norm", "rate": rate, "dropout": 0.3, **AFFINE, **warp}
        for rate in (0.001, 0.002)
        for warp in WARPS
    ],
    "without dropout": [
        {"network": "convnet", "rate": rate, **AFFINE, **warp}
        for rate in (0.002, 0.004)
        for warp in WARPS
    ],
    "plain": [{"network": "no norm", "rate": rate} for rate in (0.0005, 0.001, 0.002, 0.004)],
    "residual network": [
        {"network": "residual", "rate": rate, "dropout": 0.1, **AFFINE, **warp}
        for rate in (0.002, 0.004)
        for warp in WARPS
    ],
    "residual network without its skips": [
        {"network": "no skip", "rate": rate, "dropout": 0.1, **AFFINE, **warp}
        for rate in (0.002, 0.004)
        for warp in WARPS
    ],
}
ALL_DIGITS: dict[str, tuple[int, Setting]] = {
    "convolutional network": (
        20,
        {"network": "convnet", "rate": 0.004, "dropout": 0.3, **AFFINE},
    ),
    "LeNet-5": (20, {"network": "lenet", "rate": 0.002}),
}


def learned(setting: Setting, learn: Labelled, epochs: int, seed: int) -> nn.Module:
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
        batch_size=BATCH_SIZE,
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
    if kind in ("residual", "no skip"):
        return ResidualNet(
            blocks=int(setting.get("blocks", 1)),
            dropout=dropout,
            skip=kind == "residual",
            channels_last=True,
            generator=generator,
        )
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
        self, what: str, learn: Labelled, judge: Labelled, setting: Setting, epochs: int, seed: int
    ) -> dict[str, float]:
        """What a network reads and the processor's seconds it took; or what is there already."""
        if what not in self.numbers:
            began = time.process_time()
            model = learned(setting, learn, epochs, seed)
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
    """MNIST-5k."""
    kept = Kept(None if quick else ROOT / "_build" / "convnets.json")
    train, test = deepbook.data.mnist5k().train, deepbook.data.mnist5k().test
    learn, validation = train.split()
    if quick:
        learn, train = learn.first(10), train.first(10)
    epochs, seeds = (1, 1) if quick else (EPOCHS, SEEDS)
    tuning: list[Row] = []
    rows: list[Row] = []
    for method, settings in TRIED.items():
        keys = [f"{method}, {said(setting)}" for setting in settings]
        if not only_write:
            for key, setting in zip(keys, settings, strict=True):
                for seed in range(CHOOSING):
                    kept(f"{key}, validation {seed}", learn, validation, setting, epochs, seed)
        validated = [kept.all_of(f"{key}, validation") for key in keys]
        if any(len(runs) < CHOOSING for runs in validated):
            continue  # only written: not there yet
        # the first of those with the best sum
        best = max(range(len(settings)), key=lambda i: sum(r["read"] for r in validated[i]))
        if not only_write:
            for seed in range(seeds):
                key = f"{keys[best]}, test {seed}"
                kept(key, train, test, settings[best], epochs, seed)
        scores = kept.all_of(f"{keys[best]}, test")
        for setting, runs in zip(settings, validated, strict=True):
            mean = round(sum(r["read"] for r in runs) / len(runs), 3)
            tuning.append({"method": method, "setting": said(setting), "validation read": mean})
        for seed, run in enumerate(scores):
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
            command = f"{COMMAND} parts"
            title = "Four settings for each method, on validation digits"
            write("convolution", content("leaderboard_tuning", title, tuning, command))
            title = "Ten seeds with the chosen settings"
            write("convolution", content("leaderboard", title, rows, command))


def mnist(quick: bool, only_write: bool) -> None:
    """All of MNIST."""
    kept = Kept(None if quick else ROOT / "_build" / "convnets_mnist.json")
    if not only_write:
        digits = deepbook.data.mnist70k()
        train = digits.train.first(10) if quick else digits.train
        for seed, name in [(0, "convolutional network"), *_rest_of_mnist()]:
            epochs, setting = ALL_DIGITS[name]
            epochs = 1 if quick else epochs
            kept(f"{name}, {seed}", train, digits.test, setting, epochs, seed)
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


def _rest_of_mnist() -> list[tuple[int, str]]:
    return [(0, "LeNet-5"), *((seed, "convolutional network") for seed in (1, 2))]


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
    return ", ".join(words[name].format(value) for name, value in setting.items() if name in words)


def main() -> int:
    """Measure what is not there yet, and write down what is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["parts", "mnist"])
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    parser.add_argument("--write", action="store_true", help="only write what is there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    {"parts": parts, "mnist": mnist}[options.what](options.quick, options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
