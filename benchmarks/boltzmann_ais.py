"""What annealed importance sampling costs for half a nat, on a trained RBM of 500 hidden units."""

import statistics
import time

import deepbook
from deepbook.boltzmann import RBM, ais, train_fast
from deepbook.training import linear_decay

TITLE = (
    "AIS of an RBM 784-500 (centred PCD-5, 30 epochs, MNIST-5k): spread of log Z over runs, in nats"
)
PACKAGES = ("torch", "numpy")


def measure(quick: bool) -> list[dict[str, float | str | None]]:
    """Several runs at each cost; more temperatures against more chains."""
    deepbook.seed(0)
    data = (deepbook.data.mnist5k().train.inputs > 0.5).float()
    model = RBM(784, 500)
    model.initialize_biases_(data)
    train_fast(
        model,
        data,
        epochs=1 if quick else 30,
        batch_size=100,
        learning_rate=0.1,
        schedule=linear_decay,
        steps=5,
        persistent=True,
        offset_rate=0.01,
        weight_decay=1e-3,
        precision="medium",
    )
    base = model.without_couplings(data)
    costs = [(100, 100), (300, 100), (1000, 100), (100, 1000), (3000, 100)]
    rows: list[dict[str, float | str | None]] = []
    for temperatures, chains in costs[:2] if quick else costs:
        estimates, seconds = [], []
        for _ in range(2 if quick else 3):
            start = time.process_time()
            estimates.append(ais(model, base, temperatures, chains))
            seconds.append(time.process_time() - start)
        log_z = [float(estimate.log_z) for estimate in estimates]
        rows.append(
            {
                "temperatures": temperatures,
                "chains": chains,
                "mean log Z": round(statistics.mean(log_z), 2),
                "spread over runs": round(statistics.stdev(log_z), 2),
                "its own standard error": round(
                    statistics.mean(float(e.standard_error) for e in estimates), 2
                ),
                "effective sample size": round(
                    statistics.mean(float(e.effective_sample_size) for e in estimates), 1
                ),
                "processor seconds": round(statistics.mean(seconds), 1),
            }
        )
    return rows
