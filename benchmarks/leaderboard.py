"""How well a dense network reads MNIST-5k: plain, with dropout, with augmentation; ten seeds each.

Each method has four settings to choose from, by two networks trained on 3,200 digits and judged by
800 validation digits; ten networks with the chosen one learn from all 4,000 and read the 1,000
test digits once. Sizes, batches, epochs and schedule are the same for all, and seed by seed the
order of the digits. What is measured is kept in ``_build/leaderboard.json``: the same call goes
on from there. Writes the records ``leaderboard_tuning`` and ``leaderboard`` of chapter
``regularization``.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import nn
from torch.nn.functional import cross_entropy

import deepbook
from deepbook.data.labelled import Labelled
from deepbook.regularization import Augmentation, RandomAffine, RandomElastic
from deepbook.training import accuracy, evaluate, fit, linear_decay

KEPT = ROOT / "_build" / "leaderboard.json"
COMMAND = "python benchmarks/leaderboard.py"
EPOCHS, BATCH_SIZE = 50, 100
CHOOSING, SEEDS = 2, 10
Setting = Mapping[str, float]
# four settings each
TRIED: dict[str, list[Setting]] = {
    "plain": [{"rate": rate} for rate in (0.001, 0.002, 0.004, 0.008)],
    "dropout": [{"rate": rate, "dropout": p} for rate in (0.002, 0.004) for p in (0.2, 0.5)],
    "turns and shifts": [
        {"rate": rate, "dropout": 0.1, "turn": turn, "shift": shift}
        for rate in (0.002, 0.004)
        for turn, shift in ((12, 2), (18, 3))
    ],
    "turns, shifts and warps": [
        {"rate": rate, "dropout": 0.1, "turn": 12, "shift": 2, "warp": warp}
        for rate in (0.002, 0.004)
        for warp in (0.6, 1.2)
    ],
}


def main() -> int:
    """Measure what is not there yet, and write the record when all is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train, test = deepbook.data.mnist5k().train, deepbook.data.mnist5k().test
    learn, validation = train.split()
    if options.quick:
        learn, train = learn.first(10), train.first(10)
    kept = Kept(None, epochs=1) if options.quick else Kept(KEPT, EPOCHS)
    tuning: list[Row] = []
    rows: list[Row] = []
    for method, settings in TRIED.items():
        validated = [
            [
                kept(f"{method}, {setting}, {seed}, validation", learn, validation, setting, seed)
                for seed in range(CHOOSING)
            ]
            for setting in settings
        ]
        # the first of those with the best sum
        chosen = settings[max(range(len(settings)), key=lambda i: sum(validated[i]))]
        scores = [
            kept(f"{method}, {chosen}, {seed}, test", train, test, chosen, seed)
            for seed in range(2 if options.quick else SEEDS)
        ]
        for setting, values in zip(settings, validated, strict=True):
            mean = round(sum(values) / len(values), 3)
            tuning.append({"method": method, "setting": said(setting), "validation read": mean})
        for seed, score in enumerate(scores):
            rows.append(
                {"method": method, "setting": said(chosen), "seed": seed, "test read": score}
            )
    if not options.quick:
        title = "Four settings for each method, on validation digits"
        write("regularization", content("leaderboard_tuning", title, tuning, COMMAND))
        title = "Ten seeds with the chosen settings"
        write("regularization", content("leaderboard", title, rows, COMMAND))
    return 0


def said(setting: Setting) -> str:
    """A setting in words."""
    words = {
        "rate": "rate {:g}",
        "dropout": "dropout {:g}",
        "turn": "{:g}°",
        "shift": "{:g} px",
        "warp": "warps {:g} px",
    }
    return ", ".join(words[name].format(value) for name, value in setting.items())


def read(learn: Labelled, judge: Labelled, setting: Setting, seed: int, epochs: int) -> float:
    """Digits read by one network, in per cent."""
    torch.manual_seed(seed)  # torch's layers and its dropout take no generator
    model = network(setting.get("dropout", 0.0))
    fit(
        model,
        learn.inputs,
        learn.targets,
        loss=cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), setting["rate"], fused=True),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        schedule=linear_decay,
        generator=deepbook.generator(seed),
        augment=augmentation(setting, seed),
    )
    return round(100 * evaluate(model, judge.inputs, judge.targets, accuracy), 3)


def network(dropout: float) -> nn.Sequential:
    """784-512-256-10 with batch normalisation and dropout behind each hidden layer."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((784, 512), (512, 256)):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Linear(256, 10))


def augmentation(setting: Setting, seed: int) -> Augmentation | None:
    """What happens to each batch; None for nothing."""
    if "turn" not in setting:
        return None
    transforms: list[Callable[..., torch.Tensor]] = [
        RandomAffine(rotation=setting["turn"], shift=setting["shift"], centre=(14, 14))
    ]
    if "warp" in setting:
        transforms.append(RandomElastic(setting["warp"]))
    generator = deepbook.generator(seed)
    return Augmentation(*transforms, image_shape=(28, 28), generator=generator)


class Kept:
    """What networks read, by what was measured, written down one by one."""

    def __init__(self, path: Path | None, epochs: int) -> None:
        self.path, self.epochs = path, epochs
        self.numbers: dict[str, float] = {}
        if path is not None and path.exists():
            self.numbers = json.loads(path.read_text("utf-8"))

    def __call__(
        self, what: str, learn: Labelled, judge: Labelled, setting: Setting, seed: int
    ) -> float:
        """As ``read``, or what is there already."""
        if what not in self.numbers:
            self.numbers[what] = read(learn, judge, setting, seed, self.epochs)
            print(f"{what}: {self.numbers[what]:.2f} %", flush=True)
            if self.path is not None:
                self.path.parent.mkdir(exist_ok=True)
                self.path.write_text(json.dumps(self.numbers, indent=1) + "\n", "utf-8")
        return self.numbers[what]


if __name__ == "__main__":
    sys.exit(main())
