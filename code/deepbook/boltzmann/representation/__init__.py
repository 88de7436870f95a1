"""Autoencoders, denoising, penalties on codes, principal components."""

import lazy_loader

_ATTRIBUTES = {
    "autoencoders": ["Autoencoder", "stack_autoencoders"],
    "denoising": [
        "denoising_chain",
        "gaussian_noise",
        "learned_score",
        "masking_noise",
        "optimal_denoiser",
        "salt_and_pepper",
    ],
    "pca": ["PrincipalComponents", "largest_angle", "principal_components"],
    "penalties": [
        "contractive_penalty",
        "kl_sparsity",
        "l1_sparsity",
        "sigmoid_contractive_penalty",
    ],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
