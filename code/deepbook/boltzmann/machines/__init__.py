"""The machines: restricted, real-valued, with several values, convolutional, in layers."""

import lazy_loader

_ATTRIBUTES = {
    "boltzmann_machine": ["BoltzmannMachine"],
    "convolutional": ["ConvolutionalRBM"],
    "gaussian": ["GaussianRBM"],
    "layered_machine": ["LayeredMachine"],
    "one_item": ["conditional_scores"],
    "restricted": ["RBM"],
    "softmax": ["SoftmaxRBM"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
