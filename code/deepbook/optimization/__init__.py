"""Optimization: the code of chapter 3 (Goodfellow et al. 2016, chapter 8)."""

import lazy_loader

_ATTRIBUTES = {
    "simulated_annealing": ["anneal", "geometric_temperatures"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
