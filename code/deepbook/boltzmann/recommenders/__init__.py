"""Who likes which film: Boltzmann machines and autoencoders on MovieLens."""

import lazy_loader

_ATTRIBUTES = {
    "autoencoder": ["RatingAutoencoder", "RatingEnsemble"],
    "course": ["AutoencoderFaults", "CourseAutoencoder", "CourseRBM", "RBMFaults"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
