"""The training loop that the chapters share: the caller gives the step and the batches.

``fit`` is the common case, a network with a loss; ``fit_many`` the same for several networks at
once; ``loop`` takes any step.
"""

import lazy_loader

_ATTRIBUTES = {
    "batches": ["Minibatches", "minibatches"],
    "calibration_measures": ["Calibration", "calibration_bins", "calibration_error"],
    "checkpoints": ["Checkpoint", "Stateful"],
    "counts": ["check_count"],
    "early_stopping": ["EarlyStopping"],
    "fitting": ["fit"],
    "history": ["History", "NonFiniteError"],
    "loops": ["loop"],
    "measures": ["accuracies", "accuracy", "evaluate", "predict"],
    "schedules": [
        "by_epoch",
        "constant",
        "cosine_decay",
        "exponential_decay",
        "inverse_time_decay",
        "linear_decay",
        "linear_decay_to",
        "one_cycle",
        "step_decay",
        "warm_up",
    ],
    "sequences": ["Padded", "Segment", "SequenceBatches", "StreamBatches", "pad"],
    "side_by_side": ["fit_many"],
    "stacked_models": ["StackedModels"],
    "steps": ["CarriedState", "Descent"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
