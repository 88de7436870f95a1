"""Bits per character of Python's language reference, against the CPU-seconds of training.

n-grams, a recurrent network with gated units (GRU) and a small transformer, each network with
several lengths of training and several seeds; two compressors; and mixtures, whose weight is
chosen on the validation topics. What is measured is kept in ``_build/language_models``: the same
call goes on from there. ``--most 3`` measures nothing with a plan behind the third. Writes the
records ``language_models`` and ``language_mixtures`` of chapter ``sequence``, and the weights of
one network as ``weights/language_model.json``, which the page's live figure computes with.
"""

import argparse
import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import Tensor, nn

from deepbook.data import CharacterText, language_reference
from deepbook.live import pack
from deepbook.sequence import (
    CharacterModel,
    CharacterTransformer,
    NGramModel,
    best_mixture_weight,
    compressed_bits,
    mixture_log2,
    next_symbol_loss,
    symbol_log2,
)
from deepbook.training import CarriedState, Descent, StreamBatches, linear_decay, loop

FOLDER = ROOT / "_build" / "language_models"
COMMAND = "python benchmarks/language_models.py"
ORDER = 7
SEEDS = 3
STORED = "GRU of 128 units, 8 epochs"
# name: kind, size, epochs, strands, length, rate
PLANS: dict[str, tuple[str, int, int, int, int, float]] = {
    "GRU of 128 units, 1 epoch": ("gru", 128, 1, 16, 25, 0.008),
    "GRU of 128 units, 3 epochs": ("gru", 128, 3, 32, 25, 0.01),
    "GRU of 128 units, 8 epochs": ("gru", 128, 8, 32, 25, 0.01),
    "transformer, 1 epoch": ("transformer", 96, 1, 8, 64, 0.003),
    "transformer, 4 epochs": ("transformer", 96, 4, 16, 64, 0.004),
    "GRU of 256 units, 12 epochs": ("gru", 256, 12, 32, 25, 0.006),
    "transformer, 12 epochs": ("transformer", 96, 12, 16, 64, 0.004),
}


def main() -> int:
    """Measure what is not there yet, and write what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    parser.add_argument("--most", type=int, default=len(PLANS), help="how many of the plans")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    data = language_reference()
    if options.quick:
        train(data, "gru", 8, 1, 64, 25, 0.01, 0)
        train(data, "transformer", 8, 1, 64, 16, 0.01, 0)
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows, predictions = baselines(data)
    mixtures: list[Row] = []
    for seed in range(options.seeds):
        for name, plan in list(PLANS.items())[: options.most]:
            kept = measured(data, name, plan, seed)
            nets = {part: kept[part] for part in ("validation", "test")}
            rows.append(row(name, seed, kept["seconds"], nets["test"], None))
            for update in (False, True):
                mixtures.append(mixed(name, seed, nets, predictions[update], update))
    title = "Bits per character of the held-out topics"
    write("sequence", content("language_models", title, rows, COMMAND))
    title = f"Mixtures with Kneser-Ney of order {ORDER}, weights chosen on validation topics"
    write("sequence", content("language_mixtures", title, mixtures, COMMAND))
    return 0


def row(name: str, seed: int | None, seconds: float, static: Tensor, updated: float | None) -> Row:
    """A line of the record."""
    return {
        "model": name,
        "seed": None if seed is None else str(seed),
        "CPU-seconds": round(seconds, 1),
        "bits": round(-static.mean().item(), 4),
        "bits, updated": updated,
    }


def baselines(data: CharacterText) -> tuple[list[Row], dict[bool, dict[str, Tensor]]]:
    """n-grams and compressors; and what Kneser-Ney said of each character but the first."""
    rows: list[Row] = []
    predictions: dict[bool, dict[str, Tensor]] = {}
    for name, smoothing, order in (
        ("Witten-Bell, order 5", "witten_bell", 5),
        (f"Kneser-Ney, order {ORDER}", "kneser_ney", ORDER),
    ):
        start = time.process_time()
        model = NGramModel(order, len(data.alphabet), smoothing).fit(data.train)
        seconds = time.process_time() - start
        for update in (False, True):
            predictions[update] = {
                part: model.log2(getattr(data, part), update=update)[1:]
                for part in ("validation", "test")
            }
        updated = round(-predictions[True]["test"].mean().item(), 4)
        rows.append(row(name, None, seconds, predictions[False]["test"], updated))
    for name in ("xz", "bz2"):
        bits = round(compressed_bits(data.test, name, after=data.train), 4)
        rows.append(
            {"model": name, "seed": None, "CPU-seconds": None, "bits": None, "bits, updated": bits}
        )
    return rows, predictions


def mixed(
    name: str, seed: int, nets: dict[str, Tensor], grams: dict[str, Tensor], update: bool
) -> Row:
    """A network and the n-grams, with one weight for all characters."""
    weight = best_mixture_weight(nets["validation"], grams["validation"])
    together = mixture_log2(nets["test"], grams["test"], weight)
    return {
        "model": name,
        "seed": str(seed),
        "n-grams": "updated" if update else "static",
        "weight of the network": round(weight, 3),
        "network": round(-nets["test"].mean().item(), 4),
        "n-gram": round(-grams["test"].mean().item(), 4),
        "mixture": round(-together.mean().item(), 4),
    }


def measured(
    data: CharacterText, name: str, plan: tuple[str, int, int, int, int, float], seed: int
) -> dict[str, Any]:
    """What one network says of the texts held out, and how long it was trained."""
    path = FOLDER / f"{name.replace(' ', '-').replace(',', '')}-{seed}.pt"
    if not path.exists():
        model, seconds = train(data, *plan, seed)
        how = {"strands": 4, "length": 64 if plan[0] == "gru" else plan[4] // 2}
        found = {
            part: symbol_log2(model, getattr(data, part), **how) for part in ("validation", "test")
        }
        if name == STORED and seed == 0:
            store(model, data)
        bits = -found["test"].mean().item()
        print(f"{name}, seed {seed}: {seconds:.1f} s, {bits:.4f} bits", flush=True)
        torch.save(found | {"seconds": seconds}, path)
    kept: dict[str, Any] = torch.load(path)
    return kept


def train(
    data: CharacterText,
    kind: str,
    size: int,
    epochs: int,
    strands: int,
    length: int,
    rate: float,
    seed: int,
) -> tuple[nn.Module, float]:
    """A network, and its CPU-seconds."""
    torch.manual_seed(seed)
    symbols = len(data.alphabet)
    model = (
        CharacterModel(symbols, size)
        if kind == "gru"
        else CharacterTransformer(symbols, size, heads=4, layers=2, context=length)
    )
    # a transformer reads windows; it has no state that goes on
    loss = (
        CarriedState(next_symbol_loss)
        if kind == "gru"
        else lambda model, batch: next_symbol_loss(model, batch)[0]
    )
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01, fused=True)
    step = Descent(model, loss, optimizer, schedule=linear_decay, clip_norm=1.0)
    start = time.process_time()
    loop(step, StreamBatches(data.train, batch_size=strands, length=length), epochs=epochs)
    return model, time.process_time() - start


def store(model: nn.Module, data: CharacterText) -> None:
    """Write the weights down, two bytes each, with the alphabet that they are for."""
    weights = {name: pack(value, "float16").to_json() for name, value in model.state_dict().items()}
    told = {"alphabet": data.alphabet.characters, "source": data.source, "weights": weights}
    folder = ROOT / "code/deepbook/sequence/weights"
    folder.mkdir(exist_ok=True)
    (folder / "language_model.json").write_text(json.dumps(told) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
