"""Figures that the reader plays with, driven by what the page's own cells computed.

A live figure is one piece of HTML that holds everything: the data, and JavaScript modules that
stand beside the Python modules of this package, as readable there as on the page. It needs no
server and loads nothing. :class:`LiveFigure` is the base; the others are its uses.
"""

import lazy_loader

_ATTRIBUTES = {
    "ball_race": ["BallRace", "RaceSurface"],
    "cd_bias": ["CDBias"],
    "convolution_arithmetic": ["ConvolutionArithmetic"],
    "drawn_digit": ["DrawnDigit"],
    "dropout_masks": ["DropoutMasks"],
    "film_recommender": ["FilmRecommender"],
    "gibbs_dream": ["GibbsDream"],
    "live_figure": ["LiveFigure"],
    "packing": ["Packed", "pack"],
    "penalty_contours": ["PenaltyContours"],
    "played_tune": ["PlayedTune"],
    "pronouncer": ["Pronouncer"],
    "tempering_walker": ["TemperingWalker"],
    "text_sampler": ["TextSampler"],
    "tune_player": ["TunePlayer"],
    "warped_digit": ["WarpedDigit"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=sorted(_ATTRIBUTES), submod_attrs=_ATTRIBUTES
)
