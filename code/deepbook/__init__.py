"""The tested implementations behind the book *Deep Learning, Executed*.

One subpackage a chapter, with the chapter's name. Importing ``deepbook`` is cheap:
subpackages load when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules="""boltzmann claims convolution data feedforward figures live optimization progress
    recommenders regularization representation sequence tables training units""".split(),
    submod_attrs={
        "_version": ["__version__"],
        "claims": ["BrokenClaim", "claim", "glue"],
        "randomness": ["generator", "seed"],
        "tables": ["table"],
    },
)
