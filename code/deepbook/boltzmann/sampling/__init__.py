"""Markov chains, their transition matrices, steps at a temperature."""

import lazy_loader

_ATTRIBUTES = {
    "markov_chains": ["ParallelTempering", "record_chain", "run_chain"],
    "temperature": ["tempered_step"],
    "transition_matrices": [
        "detailed_balance_error",
        "gibbs_transition_matrix",
        "joint_transition_matrix",
        "second_eigenvalue",
        "stationarity_error",
        "stationary_distribution",
        "visible_transition_matrix",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
