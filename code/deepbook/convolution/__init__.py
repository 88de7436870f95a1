"""Convolutional networks: the code of chapter 4 (Goodfellow et al. 2016, chapter 9)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "convolutional_networks": ["ConvNet", "LeNet5", "initialize_convolutions_"],
    "feature_maps": ["layer_outputs"],
    "folding": ["folded_stages", "scale_and_shift"],
    "occlusion": ["occlusion_map"],
    "residual_networks": ["ResidualBlock", "ResidualNet"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
