"""Regularization: the code of chapter 2 (Goodfellow et al. 2016, chapter 7)."""

import lazy_loader

_ATTRIBUTES = {
    "code_penalties": [
        "contractive_penalty",
        "kl_sparsity",
        "l1_sparsity",
        "sigmoid_contractive_penalty",
    ],
    "noise": ["gaussian_noise", "masking_noise", "salt_and_pepper"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
