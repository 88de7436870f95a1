"""Markov chains, their transition matrices, steps at a temperature."""

import lazy_loader

_ATTRIBUTES = {
    "markov_chains": ["record_chain", "run_chain"],
    "parallel_tempering": ["ParallelTempering"],
    "stochastic_matrices": [
        "detailed_balance_error",
        "second_eigenvalue",
        "stationarity_error",
        "stationary_distribution",
    ],
    "temperature": ["tempered_step"],
    "transition_matrices": [
        "gibbs_transition_matrix",
        "joint_transition_matrix",
        "visible_transition_matrix",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
