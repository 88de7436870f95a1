"""Autoencoders, denoising, principal components: codes that data are made from again.

Beside the chapters: regularization takes codes and tangents from here, Boltzmann machines compare
themselves with it (Goodfellow et al. 2016, chapter 14).
"""

import lazy_loader

_ATTRIBUTES = {
    "autoencoders": ["Autoencoder", "stack_autoencoders"],
    "denoising": ["denoising_chain", "learned_score", "optimal_denoiser"],
    "pca": ["PrincipalComponents", "largest_angle", "principal_components"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
