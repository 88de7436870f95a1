"""Machines of several layers, and networks that begin as such."""

import lazy_loader

_ATTRIBUTES = {
    "copied_rbm": ["CopiedRBM"],
    "deep_belief": ["DBN"],
    "deep_boltzmann": ["DBM"],
    "deep_pretraining": ["dbm_from_rbms"],
    "fine_tuning": ["network_from_dbm", "network_from_dbn", "with_mean_field"],
    "multi_prediction": ["complete", "multi_prediction_loss"],
    "up_down": ["UpDown"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
