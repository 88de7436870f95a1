"""Fiddle tunes letter by letter: an n-gram model, and recurrent networks trained for longer.

Order of the n-grams and number of epochs of each network are chosen on a tenth of the training
tunes; then each model learns from all of them, gives its bits a character on the test tunes, and
writes a hundred tunes, which are read, counted bar by bar and compared with what was learned.
What is measured is kept in ``_build/tunes.json``: the same call goes on from there. Writes the
records ``tunes`` and ``tune_samples`` of chapter ``sequence``.
"""

import argparse
import json
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import ROOT, Row, content, write
from torch import Tensor

import deepbook
from deepbook.data.documentation import Alphabet
from deepbook.sequence import (
    ABCError,
    CharacterModel,
    NGramModel,
    bits_per_character,
    check_tunes,
    longest_copy,
    next_symbol_loss,
    parse_abc,
    sample_symbols,
    write_abc,
)
from deepbook.training import CarriedState, Descent, StreamBatches, linear_decay, loop

KEPT = ROOT / "_build" / "tunes.json"
COMMAND = "python benchmarks/tunes.py"
BETWEEN = "\n\n"  # two tunes
WRITTEN, LONGEST = 100, 700
# hidden units, and epochs to choose among
NETWORKS = {"GRU, 64 units": (64, (4, 8)), "GRU, 256 units": (256, (12, 24))}
ORDERS = (4, 5, 6, 7)
RATE, STRANDS, LENGTH = 0.005, 32, 64


def main() -> int:
    """Measure what is not there yet, and write the record when all is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? keeps nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = deepbook.data.fiddle_tunes()
    train, test = plain(data.train.texts), plain(data.test.texts)
    alphabet = Alphabet.of(BETWEEN.join(train) + BETWEEN, at_least=1)
    learn, validation = train[: 9 * len(train) // 10], train[9 * len(train) // 10 :]
    kept: dict[str, dict] = {}
    if KEPT.exists() and not options.quick:
        kept = json.loads(KEPT.read_text("utf-8"))
    if "five-grams" not in kept:
        kept["five-grams"] = of_ngrams(alphabet, learn, validation, train, test)
        keep(kept, options.quick)
    for name, (hidden, epochs) in NETWORKS.items():
        if name not in kept:
            tried = (1,) if options.quick else epochs
            kept[name] = of_network(alphabet, learn, validation, train, test, hidden, tried)
            keep(kept, options.quick)
    kept["tunes of 1883"] = {"setting": None, "bits": None, "written": test[:WRITTEN]}
    rows: list[Row] = []
    samples: list[Row] = []
    source = BETWEEN.join(train)
    for name, found in kept.items():
        texts = found["written"][:5] if options.quick else found["written"]
        checked = check_tunes(texts)
        copies = sorted(longest_copy(body(text), source) for text in texts)
        rows.append(
            {
                "model": name,
                "setting": found["setting"],
                "bits a character": found["bits"],
                "tunes, %": 100 * checked.tunes / checked.texts,
                "full bars, %": 100 * checked.full_bars / max(1, checked.bars),
                "whole tunes, %": 100 * checked.whole_tunes / checked.texts,
                "longest copy, median": copies[len(copies) // 2],
                "longest copy, most": copies[-1],
            }
        )
        whole = [text for text in texts if check_tunes([text]).whole_tunes]
        samples += [{"model": name, "text": text} for text in (whole + texts)[:6]]
    if not options.quick:
        title = "A hundred tunes from each model, read and counted"
        write("sequence", content("tunes", title, rows, COMMAND))
        title = "Tunes that each model wrote: the first with full bars, then others"
        write("sequence", content("tune_samples", title, samples, COMMAND))
    return 0


def keep(kept: dict[str, dict], quick: bool) -> None:
    """Write down what was measured so far."""
    if not quick:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def plain(texts: tuple[str, ...]) -> list[str]:
    """The tunes that can be read, each thing written in one way."""
    found = []
    for text in texts:
        try:
            found.append(write_abc(parse_abc(text)))
        except ABCError:
            continue
    return found


def body(text: str) -> str:
    """A tune without its headers, which many have in common."""
    return text.split("\n", 3)[-1]


def of_ngrams(
    alphabet: Alphabet, learn: list[str], validation: list[str], train: list[str], test: list[str]
) -> dict:
    """Kneser-Ney's model with the best order of ``ORDERS``."""

    def fitted(texts: list[str], order: int) -> NGramModel:
        model = NGramModel(order, len(alphabet), "kneser_ney")
        return model.fit(alphabet.encode(BETWEEN.join(texts) + BETWEEN))

    held = alphabet.encode(BETWEEN.join(validation) + BETWEEN)
    order = min(ORDERS, key=lambda order: fitted(learn, order).bits_per_symbol(held))
    model = fitted(train, order)
    bits = model.bits_per_symbol(alphabet.encode(BETWEEN.join(test) + BETWEEN))
    print(f"n-grams of {order}: {bits:.3f} bits", flush=True)
    generator = deepbook.generator(1)
    written = []
    for _ in range(WRITTEN):
        text = BETWEEN
        while len(text) < LONGEST and (len(text) == 2 or not text.endswith(BETWEEN)):
            history = alphabet.encode(text)[-(order - 1) :]
            p = model.probabilities(history)
            text += alphabet.characters[int(torch.multinomial(p, 1, generator=generator))]
        written.append(text.strip("\n"))
    return {"setting": f"order {order}", "bits": round(bits, 3), "written": written}


def of_network(
    alphabet: Alphabet,
    learn: list[str],
    validation: list[str],
    train: list[str],
    test: list[str],
    hidden: int,
    epochs: tuple[int, ...],
) -> dict:
    """A recurrent network with the best number of epochs."""
    held = alphabet.encode(BETWEEN.join(validation) + BETWEEN)
    chosen = epochs[0]
    if len(epochs) > 1:
        chosen = min(
            epochs,
            key=lambda each: bits_per_character(trained(alphabet, learn, hidden, each), held),
        )
    model = trained(alphabet, train, hidden, chosen)
    bits = bits_per_character(model, alphabet.encode(BETWEEN.join(test) + BETWEEN))
    print(f"{hidden} units, {chosen} epochs: {bits:.3f} bits", flush=True)
    return {
        "setting": f"{chosen} epochs",
        "bits": round(bits, 3),
        "written": write_tunes(model, alphabet, WRITTEN, deepbook.generator(1)),
    }


def trained(alphabet: Alphabet, texts: list[str], hidden: int, epochs: int) -> CharacterModel:
    """A network that has read the texts so many times."""
    torch.manual_seed(0)  # torch's layers take no generator
    model = CharacterModel(len(alphabet), hidden)
    adam = torch.optim.Adam(model.parameters(), RATE, fused=True)
    loss = CarriedState(next_symbol_loss)
    step = Descent(model, loss, adam, schedule=linear_decay, clip_norm=1.0)
    stream = alphabet.encode(BETWEEN.join(texts) + BETWEEN)
    loop(step, StreamBatches(stream, batch_size=STRANDS, length=LENGTH), epochs=epochs)
    return model


@torch.no_grad()
def write_tunes(
    model: CharacterModel, alphabet: Alphabet, count: int, generator: torch.Generator
) -> list[str]:
    """Tunes side by side, each until its end or ``LONGEST`` characters."""
    model.eval()
    start: Tensor = alphabet.encode(BETWEEN).expand(count, -1)
    logits, state = model(start)
    symbols = []
    for _ in range(LONGEST):
        symbols.append(sample_symbols(logits[:, -1], generator=generator))
        logits, state = model(symbols[-1][:, None], state)
    texts = [alphabet.decode(row) for row in torch.stack(symbols, 1)]
    return [text.split(BETWEEN)[0] for text in texts]


if __name__ == "__main__":
    sys.exit(main())
