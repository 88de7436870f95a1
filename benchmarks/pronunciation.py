"""How well networks pronounce words that they have not seen, trained for longer than on a page.

Each learns from the 99,870 training words of the CMU Pronouncing Dictionary in the same number of
epochs, and pronounces the 11,749 test words at the end: greedily, and with beam search. Settings
are the same for all and were chosen by nobody: dropout .1, batches of 128 words, Adam with a
learning rate that rises and falls (``one_cycle``). Checkpoints stand in ``_build/pronunciation``;
the same call goes on from there. Writes the records ``pronunciation`` and
``pronunciation_by_length`` of chapter ``sequence``, and ``weights/pronouncer.json`` beside them.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import nn

import deepbook
from deepbook.data import Pronunciations, pronouncing_dictionary
from deepbook.live import pack
from deepbook.sequence import (
    EncoderDecoder,
    Vocabulary,
    edit_distance,
    sequence_error_rate,
    sequence_loss,
    symbol_error_rate,
    transduce,
)
from deepbook.training import Checkpoint, Descent, History, SequenceBatches, loop, one_cycle

KEPT = ROOT / "_build/pronunciation"
COMMAND = "python benchmarks/pronunciation.py"
NETWORKS = ("attention", "fixed context", "transformer")
EPOCHS, BATCH_SIZE, LONGEST, BEAM = 8, 128, 32, 5
LETTERS = Vocabulary("abcdefghijklmnopqrstuvwxyz")
RATES = {"transformer": 0.001}


def main() -> int:
    """Train what is not there yet, and write the records of what is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    words = pronouncing_dictionary()
    phonemes = Vocabulary.of(words.train.phonemes)
    for name in options.networks:
        result = KEPT / f"{name}.json"
        if result.exists() and not options.quick:
            continue
        model = network(name, phonemes)
        if options.quick:
            few = words.train.sample(500, deepbook.generator(0))
            train(model, few, words.validation.sample(100), phonemes, name, None)
            print(judged(model, words.test.sample(100), phonemes, 1)["phoneme error"])
            continue
        seconds = train(model, words.train, words.validation, phonemes, name, KEPT / f"{name}.pt")
        measured = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "seconds": seconds,
            "greedy": judged(model, words.test, phonemes, 1),
            f"beam of {BEAM}": judged(model, words.test, phonemes, BEAM),
        }
        torch.save(model.state_dict(), KEPT / f"{name} weights.pt")
        result.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    if not options.quick:
        carry(phonemes)
        record()
    return 0


def network(name: str, phonemes: Vocabulary) -> nn.Module:
    """An untrained network, drawn under seed 0."""
    torch.manual_seed(0)  # torch's dropout takes no generator
    sizes = len(LETTERS), len(phonemes)
    if name == "transformer":
        from deepbook.sequence import Transformer

        return Transformer(
            *sizes, size=96, heads=4, hidden_size=384, blocks=2, dropout=0.1,
            generator=deepbook.generator(0),
        )  # fmt: skip
    context = {"attention": "dot", "fixed context": "fixed"}[name]
    return EncoderDecoder(
        *sizes, 48, 192, context=context, dropout=0.1, generator=deepbook.generator(0)
    )


def train(
    model: Any,
    words: Pronunciations,
    validation: Pronunciations,
    phonemes: Vocabulary,
    name: str,
    path: Path | None,
) -> float:
    """Train a network, and return the seconds of processor time."""
    batches = SequenceBatches(
        [LETTERS.encode(word) for word in words.words],
        [phonemes.encode(sounds, end=True) for sounds in words.phonemes],
        batch_size=BATCH_SIZE,
        generator=(generator := deepbook.generator(0)),
    )

    def loss(model: nn.Module, batch: Any) -> Any:
        source, targets = batch
        return sequence_loss(model(source, targets.values), targets.values)

    optimizer = torch.optim.Adam(model.parameters(), RATES.get(name, 0.003))
    step = Descent(model, loss, optimizer, schedule=one_cycle(), clip_norm=1.0)
    some = validation.sample(min(2000, len(validation)), deepbook.generator(1))
    began = time.process_time()

    def look() -> dict[str, float]:
        found = judged(model, some, phonemes, 1)
        both = {what: found[what] for what in ("phoneme error", "word error")}
        print(
            name, time.strftime("%H:%M"), both, f"{time.process_time() - began:.0f} s", flush=True
        )
        return both | {"processor": time.process_time() - began}

    checkpoint = None
    if path is not None:
        parts = {"model": model, "step": step}
        checkpoint = Checkpoint(path, {"epochs": EPOCHS, "name": name}, parts, generator)
    history: History = loop(
        step,
        batches,
        epochs=EPOCHS if path is not None else 1,
        monitor=look,
        checkpoint=checkpoint,
        resume=checkpoint is not None,
    )
    # each call counts from its own beginning
    times = history.column("processor")
    ends = [t for t, after in zip(times, [*times[1:], 0.0], strict=True) if after < t]
    return sum(ends)


@torch.no_grad()
def judged(model: Any, words: Pronunciations, phonemes: Vocabulary, beam: int) -> dict[str, Any]:
    """Errors on words, over all and by length."""
    model.eval()
    outputs: list[tuple[str, ...]] = []
    order = sorted(range(len(words)), key=lambda i: len(words.words[i]))
    for start in range(0, len(order), 256):
        source = LETTERS.encode_all([words.words[i] for i in order[start : start + 256]])
        found = transduce(model, source, longest=LONGEST, width=beam)
        outputs += [phonemes.decode(row) for row in found]
    references = [words.phonemes[i] for i in order]
    by_length: dict[int, list[float]] = {}
    for i, output, reference in zip(order, outputs, references, strict=True):
        edits = edit_distance(output, reference)
        cell = by_length.setdefault(min(max(len(words.words[i]), 3), 15), [0, 0, 0, 0])
        for place, value in enumerate((1, len(reference), edits, edits > 0)):
            cell[place] += value
    return {
        "phoneme error": symbol_error_rate(outputs, references),
        "word error": sequence_error_rate(outputs, references),
        "by length": by_length,
    }


def carry(phonemes: Vocabulary) -> None:
    """Put the weights of the network with attention into the package, small."""
    weights = torch.load(KEPT / "attention weights.pt", weights_only=True)
    told = {}
    for name, weight in weights.items():
        matrix = weight.dim() == 2
        turned = matrix and name not in ("read.weight", "written.weight")
        packed = pack(weight.T if turned else weight, "int8" if matrix else "float16")
        told[name] = packed.to_json() | {"turned": turned}
    content = {"letters": LETTERS.symbols, "phonemes": phonemes.symbols, "weights": told}
    folder = ROOT / "code/deepbook/sequence/weights"
    folder.mkdir(exist_ok=True)
    (folder / "pronouncer.json").write_text(json.dumps(content) + "\n", "utf-8")


def record() -> None:
    """Write both records of all that was measured."""
    rows: list[Row] = []
    lengths: list[Row] = []
    for name in NETWORKS:
        path = KEPT / f"{name}.json"
        if not path.exists():
            continue
        measured = json.loads(path.read_text("utf-8"))
        for how in ("greedy", f"beam of {BEAM}"):
            found = measured[how]
            rows.append(
                {
                    "network": name,
                    "search": how,
                    "phoneme error": round(found["phoneme error"], 4),
                    "word error": round(found["word error"], 4),
                    "parameters": str(measured["parameters"]),
                    "minutes": round(measured["seconds"] / 60, 1),
                }
            )
        for letters, (count, sounds, edits, wrong) in measured["greedy"]["by length"].items():
            lengths.append(
                {
                    "network": name,
                    "letters": float(letters),
                    "words": float(count),
                    "phoneme error": round(edits / sounds, 4),
                    "word error": round(wrong / count, 4),
                }
            )
    title = f"Errors on 11,749 test words after {EPOCHS} epochs of 99,870 words"
    write("sequence", content("pronunciation", title, rows, COMMAND))
    title = "The same, greedily, by letters of the word (3 and fewer together, 15 and more)"
    write("sequence", content("pronunciation_by_length", title, lengths, COMMAND))


if __name__ == "__main__":
    sys.exit(main())
