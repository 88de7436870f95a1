"""The machines: restricted, real-valued, with several values, convolutional, in layers."""

import lazy_loader

_ATTRIBUTES = {
    "boltzmann_machine": ["BoltzmannMachine"],
    "convolutional": ["ConvolutionalRBM"],
    "gaussian": ["GaussianRBM"],
    "layered_machine": ["LayeredMachine"],
    "restricted": ["RBM"],
    "softmax": ["SoftmaxRBM", "conditional_scores"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
