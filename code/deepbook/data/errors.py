"""What can go wrong between the package index and a tensor."""


class DataError(Exception):
    """A data set could not be had; the message says why and what to do."""


class UnknownData(DataError):
    """No data set has this name."""


class NotReachable(DataError):
    """The file is not in the cache and could not be downloaded."""


class WrongHash(DataError):
    """What the package index gave is not what the registry pins."""


class BadArchive(DataError):
    """The downloaded package is damaged or lacks the file."""


class CacheNotWritable(DataError):
    """The cache folder has no space or may not be used."""


class PackageMissing(DataError):
    """A package is not installed that unpacks the file."""
