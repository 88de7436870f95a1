"""Posteriors that cannot be summed: mean field, sparse codes."""

import lazy_loader

_ATTRIBUTES = {
    "binary_sparse_coding": ["BinarySparseCoding"],
    "mean_field": [
        "MeanField",
        "binary_entropy",
        "fit_mean_field",
        "pairwise_bound",
        "pairwise_log_partition",
    ],
    "sparse_coding": [
        "learn_dictionary",
        "sparse_code",
        "sparse_coding_loss",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
