"""Who likes which film: Boltzmann machines on MovieLens."""

import lazy_loader

_ATTRIBUTES = {
    "contrastive": ["ContrastiveRBM"],
    "ratings_rbm": ["RatingsRBM"],
    "tied_softmax": ["Penalties", "TiedSoftmaxRBM"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
