"""Energies, states, and what all machines have in common."""

import lazy_loader

_ATTRIBUTES = {
    "energy_model": ["EnergyModel"],
    "harmonium": ["Harmonium"],
    "layers": ["check_layers"],
    "states": ["MAX_UNITS", "all_states", "state_blocks"],
    "toy_data": ["bars_and_stripes", "shifter"],
    "two_layers": ["InitialWeights", "TwoLayers"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
