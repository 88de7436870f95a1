"""What a second hidden layer adds to the test likelihood, for first layers small and large."""

import math
import statistics

TITLE = "MNIST-5k binarised at 0.5, test nats: a restricted machine and two that begin as it"
PACKAGES = ("torch",)


def measure(quick: bool) -> list[dict[str, float | str | None]]:
    """Five rows for each size of the first layer; all but the first go on from the first."""
    import torch

    import deepbook

    deepbook.seed(0)
    digits = deepbook.data.mnist5k()
    data, test = ((part.inputs > 0.5).float() for part in (digits.train, digits.test))
    if quick:
        data, test = data[::40], test[::40]
    rows = []
    for hidden, epochs in ((16, 50), (64, 50), (500, 100)):
        rbm, seconds = first_layer(data, hidden, 1 if quick else epochs)
        top_epochs = 1 if quick else 20
        start = data[torch.randperm(len(data))[:100]]
        name = f"RBM 784-{hidden}"
        rows.append({"first layer": hidden, "machine": name, "CPU-s": seconds})
        rows[-1] |= judge(as_network(rbm), start, data, test, quick)
        makers = {
            "RBM, as long as the others": longer,
            "DBN": deep_belief,
            "DBN, then up-down": up_down,
            "DBM": deep_boltzmann,
        }
        for machine, make in makers.items():
            model, more = make(rbm, data, top_epochs)
            name = f"{machine} " + "-".join(map(str, model.sizes))
            rows.append({"first layer": hidden, "machine": name, "CPU-s": seconds + more})
            rows[-1] |= judge(model, start, data, test, quick)
    return rows


def first_layer(data, hidden: int, epochs: int):
    """The chapter's best recipe: centred PCD-5, falling rate, weight decay."""
    from deepbook.boltzmann import RBM, linear_decay
    from deepbook.boltzmann.fast import train_fast

    rbm = RBM(784, hidden)
    rbm.initialize_biases_(data)
    return rbm, timed(
        lambda: train_fast(
            rbm,
            data,
            epochs=epochs,
            batch_size=100,
            learning_rate=0.1,
            schedule=linear_decay,
            steps=5,
            persistent=True,
            offset_rate=0.01,
            weight_decay=decay(hidden),
        )
    )


def as_network(rbm):
    """A deep belief network of one machine, with its own copy of it."""
    from copy import deepcopy

    from deepbook.boltzmann import DBN

    return DBN(deepcopy(rbm))


def longer(rbm, data, epochs: int):
    """No second layer: what the additional epochs alone are good for."""
    from deepbook.boltzmann import Centred, PersistentContrastiveDivergence, train

    alone = as_network(rbm)
    estimator = Centred(PersistentContrastiveDivergence(5, chains=100))
    return alone, timed(lambda: train(alone.top, data, estimator, **settings(rbm, epochs)))


def settings(rbm, epochs: int) -> dict:
    """Of the second phase, the same for all machines."""
    from deepbook.boltzmann import linear_decay

    return {
        "epochs": epochs,
        "batch_size": 100,
        "learning_rate": 0.03,
        "schedule": linear_decay,
        "weight_decay": decay(rbm.hidden_size),
    }


def decay(hidden: int) -> float:
    """A machine with few hidden units needs no weight decay."""
    return 1e-3 if hidden > 100 else 0.0


def deep_belief(rbm, data, epochs: int):
    """The second machine starts as the first one turned over, and learns from draws of h1."""
    import torch

    from deepbook.boltzmann import Centred, PersistentContrastiveDivergence, constant, train

    dbn = as_network(rbm)
    top = dbn.grow()

    def learn() -> None:
        estimator = Centred(PersistentContrastiveDivergence(5, chains=100))
        for epoch in range(epochs):
            # fresh draws of h1 each epoch
            with torch.no_grad():
                hidden = dbn.recognise(data, sample=True)[-1]
            rate = 0.03 * (1 - epoch / epochs)
            options = settings(rbm, 1) | {"learning_rate": rate, "schedule": constant}
            train(top, hidden, estimator, **options)

    return dbn, timed(learn)


def up_down(rbm, data, epochs: int):
    """The same, then both directions of the first layer part."""
    from deepbook.boltzmann import UpDown, train

    dbn, seconds = deep_belief(rbm, data, epochs)
    options = settings(rbm, epochs) | {"learning_rate": 0.02}
    return dbn, seconds + timed(lambda: train(dbn, data, UpDown(3), **options))


def deep_boltzmann(rbm, data, epochs: int):
    """All layers together, from the first machine and second weights near zero."""
    import torch

    from deepbook.boltzmann import DBM, Centred, PersistentContrastiveDivergence, train

    dbm = DBM((784, rbm.hidden_size, 500), sweeps=5)
    with torch.no_grad():
        dbm.weights[0].copy_(rbm.weight)
        dbm.biases[0].copy_(rbm.visible_bias)
        dbm.biases[1].copy_(rbm.hidden_bias)
    links = [(f"weights.{i}", f"biases.{i}", f"biases.{i + 1}") for i in range(2)]
    estimator = Centred(PersistentContrastiveDivergence(5, chains=100), links=links)
    return dbm, timed(lambda: train(dbm, data, estimator, **settings(rbm, epochs)))


def judge(model, start, data, test, quick: bool) -> dict[str, float | str | None]:
    """Bounds on the mean test log-likelihood, with log Z from both sides.

    Averages over draws of the hidden layers that mean field or recognition gives; of the RBM
    the free energy says it exactly. Reverse AIS starts from Gibbs runs, so it is a diagnostic.
    """
    import torch

    from deepbook.boltzmann import ais, reverse_ais

    temperatures, steps = (20, 5) if quick else (5000, 1000)
    with torch.no_grad():
        if hasattr(model, "top"):
            machine, below = model.top, model.recognise(data)[-1]
            state = model.recognise(start, sample=True)[-1]
        else:
            machine, below, state = model, data, model.chain_from_data(start)
        base = machine.without_couplings(below)
        for _ in range(steps):
            state = machine.gibbs_step(state)
        forward = ais(machine, base, temperatures)
        backward = reverse_ais(machine, state, base, temperatures)
        draws = torch.cat([model.log_weights(test, 1) for _ in range(20)])
        bound = float(draws.mean())
        weighted = float((draws.logsumexp(0) - math.log(len(draws))).mean())
        learned = statistics.mean(float(model.log_weights(data, 1).mean()) for _ in range(5))
    return {
        "bound, AIS side": round(bound - float(forward.log_z), 2),
        "bound, reverse side": round(bound - float(backward.log_z), 2),
        "20 draws weighted, AIS side": round(weighted - float(forward.log_z), 2),
        "20 draws weighted, reverse side": round(weighted - float(backward.log_z), 2),
        "train bound, AIS side": round(learned - float(forward.log_z), 2),
        "standard error": round(float(forward.standard_error), 2),
        "effective samples of 100": round(float(forward.effective_sample_size), 1),
    }


def timed(work) -> float:
    """CPU-seconds of one thread."""
    import time

    start = time.process_time()
    work()
    return round(time.process_time() - start, 1)
