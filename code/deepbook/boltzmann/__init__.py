"""Boltzmann machines: the code of chapter 8 (Goodfellow et al. 2016, chapters 14, 16 to 20)."""

import lazy_loader

_ATTRIBUTES = {
    "annealing": ["ais", "reverse_ais"],
    "energy_model": ["EnergyModel"],
    "estimates": ["BridgeEstimate", "Estimate", "bridge"],
    "harmonium": ["Harmonium"],
    "likelihood": ["log_likelihood", "log_partition", "model_statistics"],
    "rbm": ["RBM", "log_odds"],
    "states": ["MAX_UNITS", "all_states", "bernoulli", "state_blocks"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
