"""Convolutional networks: the code of chapter 4 (Goodfellow et al. 2016, chapter 9)."""

import lazy_loader

_ATTRIBUTES: dict[str, list[str]] = {
    "counted_numbers": ["Counted", "Tally"],
    "depthwise_separable": [
        "DepthwiseSeparableConv2d",
        "channel_shuffle",
        "depthwise_conv2d",
        "depthwise_conv2d_loops",
        "pointwise_conv2d",
    ],
    "fft_convolution": [
        "fft_conv1d",
        "fft_conv2d",
        "fft_convolve_loops",
        "fft_radix2",
        "transform_size",
    ],
    "pooling_gradients": [
        "average_pool2d_gradient",
        "lp_pool2d_gradient",
        "max_pool2d_gradient",
    ],
    "pooling_layers": [
        "ChannelMaxPool",
        "average_pool2d",
        "channel_max_pool",
        "global_average_pool",
        "global_max_pool",
        "lp_pool2d",
        "max_pool2d",
        "pool2d_loops",
        "pooling_windows",
        "stochastic_pool2d",
    ],
    "product_counts": ["ConvLayer"],
    "separable_kernels": [
        "SeparableFactors",
        "kernel_rank",
        "separable_conv2d",
        "separable_factors",
    ],
    "winograd": ["FilterTransforms", "cook_toom", "winograd_conv2d", "winograd_filter"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
