"""What each regularizer buys on 500 digits, tuned by the same budget, over twenty seeds.

One network, 784-100-10, trained by Adam for 25 epochs; every regularizer chooses among three
strengths by the mean share of validation digits that three networks read, and twenty others with
the chosen one are judged by 4,000 test digits. Initial weights and batches are the same for all,
seed by seed. What is measured is kept in ``_build/regularizers.json``: the same call goes on from
there. Writes the records ``which_tuning`` and ``which`` of ``deepbook.regularization``.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

import deepbook
from deepbook.data.digits import FewDigits
from deepbook.data.labelled import Labelled
from deepbook.feedforward import MLP
from deepbook.regularization import (
    Augmentation,
    Dropout,
    GaussianNoise,
    RandomAffine,
    SmoothedCrossEntropy,
    after_each_step,
    decay_groups,
    max_norm_,
    weights_of,
)
from deepbook.training import EarlyStopping, accuracies, fit, linear_decay

KEPT = ROOT / "_build" / "regularizers.json"
COMMAND = "python benchmarks/regularizers.py"
EPOCHS, BATCH_SIZE, RATE = 25, 50, 0.002
CHOOSING, SEEDS = range(3), range(3, 23)
STRENGTHS: dict[str, tuple[float, ...]] = {
    "none": (0.0,),
    "weight decay": (0.3, 1.0, 3.0),
    "max-norm": (1.4, 1.7, 2.0),
    "input noise": (0.1, 0.2, 0.4),
    "label smoothing": (0.05, 0.1, 0.2),
    "early stopping": (1.0, 3.0, 6.0),
    "batch normalization": (0.001, 0.002, 0.004),
    "dropout": (0.1, 0.25, 0.5),
    "augmentation": (0.5, 1.0, 1.5),
}
TOGETHER = ("label smoothing", "dropout", "augmentation")


@dataclass
class Recipe:
    """How a network is built and trained; each regularizer changes a part of it."""

    seed: int
    rate: float = RATE
    dropout: float = 0.0
    noise: float = 0.0
    smoothing: float = 0.0
    decay: float = 0.0
    longest: float = 0.0
    patience: int | None = None
    normalized: bool = False
    moved: float = 0.0

    def network(self) -> nn.Sequential:
        """784-100-10 with the layers that the recipe wants."""
        hidden, output = MLP([784, 100, 10], generator=deepbook.generator(self.seed)).layers
        draws = deepbook.generator(1000 + self.seed)
        parts: list[nn.Module] = [GaussianNoise(self.noise, draws)] if self.noise else []
        parts += [hidden, nn.BatchNorm1d(100)] if self.normalized else [hidden]
        parts += [nn.ReLU(), Dropout(self.dropout, draws)] if self.dropout else [nn.ReLU()]
        return nn.Sequential(*parts, output)

    def optimizer(self, model: nn.Sequential) -> Optimizer:
        """Adam, with decoupled decay or a bound if the recipe wants it."""
        if self.decay:
            return torch.optim.AdamW(decay_groups(model.parameters(), self.decay), lr=self.rate)
        adam = torch.optim.Adam(model.parameters(), self.rate)
        if not self.longest:
            return adam
        rows = weights_of(model)[:1]
        return after_each_step(adam, lambda: max_norm_(rows, self.longest))

    def augment(self) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None:
        """Turns of 12 degrees, shifts of a pixel, sizes and slants, times ``moved``."""
        if not self.moved:
            return None
        affine = RandomAffine(
            rotation=12 * self.moved,
            shift=self.moved,
            scale=0.1 * self.moved,
            shear=10 * self.moved,
            centre=(14, 14),
        )
        draws = deepbook.generator(2000 + self.seed)
        return Augmentation(affine, image_shape=(28, 28), generator=draws)

    def train(self, few: FewDigits, epochs: int) -> nn.Sequential:
        """The network, trained."""
        model = self.network()
        stop = None if self.patience is None else EarlyStopping(model, self.patience)
        fit(
            model,
            few.train.inputs,
            few.train.targets,
            loss=SmoothedCrossEntropy(self.smoothing) if self.smoothing else cross_entropy,
            optimizer=self.optimizer(model),
            epochs=epochs,
            batch_size=BATCH_SIZE,
            validation=None if stop is None else (few.validation.inputs, few.validation.targets),
            after_epoch=stop,
            generator=deepbook.generator(self.seed),
            augment=self.augment(),
            schedule=linear_decay,
        )
        if stop is not None:
            stop.restore()
        return model


def recipe(name: str, strength: float, seed: int) -> Recipe:
    """The recipe of one regularizer."""
    made = Recipe(seed)
    add(made, name, strength)
    return made


def add(made: Recipe, name: str, strength: float) -> None:
    """Put a regularizer into a recipe."""
    if name == "early stopping":
        made.patience = round(strength)
    elif name == "batch normalization":  # it has no strength: the rate is tuned instead
        made.normalized, made.rate = True, strength
    elif name != "none":
        field = {
            "weight decay": "decay",
            "max-norm": "longest",
            "input noise": "noise",
            "label smoothing": "smoothing",
            "dropout": "dropout",
            "augmentation": "moved",
        }[name]
        setattr(made, field, strength)


def main() -> int:
    """Measure what is not there yet, and write the records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? writes nothing down")
    options = parser.parse_args()
    torch.set_num_threads(1)
    few = deepbook.data.few_digits()
    kept: dict[str, float] = {}
    if KEPT.exists() and not options.quick:
        kept = json.loads(KEPT.read_text("utf-8"))
    epochs = 2 if options.quick else EPOCHS

    def read(key: str, made: Recipe, data: Labelled) -> float:
        if key not in kept:
            model = made.train(few, epochs)
            share = accuracies([model], data.inputs, data.targets)[0].item()
            kept[key] = round(100 * share, 4)
            if not options.quick:
                KEPT.parent.mkdir(exist_ok=True)
                KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        return kept[key]

    tuning: list[Row] = []
    rows: list[Row] = []
    chosen: dict[str, float] = {}
    seeds = SEEDS[:2] if options.quick else SEEDS
    for name, strengths in STRENGTHS.items():
        scores = {}
        for strength in strengths:
            values = [
                read(f"{name} {strength} {seed} v", recipe(name, strength, seed), few.validation)
                for seed in CHOOSING
            ]
            scores[strength] = sum(values) / len(values)
            tuning.append(
                {
                    "regularizer": name,
                    "strength": strength,
                    "validation read": round(scores[strength], 3),
                }
            )
        chosen[name] = max(scores, key=lambda strength: scores[strength])
        for seed in seeds:
            made = recipe(name, chosen[name], seed)
            value = read(f"{name} {chosen[name]} {seed} t", made, few.test)
            rows.append(row(name, chosen[name], seed, value))
        print(name, chosen[name], rows[-1], flush=True)
    for seed in seeds:
        made = Recipe(seed)
        for name in TOGETHER:
            add(made, name, chosen[name])
        rows.append(row("three together", None, seed, read(f"together {seed} t", made, few.test)))
    print(rows[-1])
    if not options.quick:
        write(
            "regularization",
            content(
                "which_tuning",
                "Three strengths for each regularizer, on validation digits",
                tuning,
                COMMAND,
            ),
        )
        write(
            "regularization",
            content("which", "Twenty seeds with the chosen strengths", rows, COMMAND),
        )
    return 0


def row(name: str, strength: float | None, seed: int, value: float) -> Row:
    """A row of the table of results."""
    return {"regularizer": name, "strength": strength, "seed": seed, "test read": value}


if __name__ == "__main__":
    sys.exit(main())
