"""Beyond one machine: the pages of the book on a Dask cluster.

The cluster's workers need the same environment (``requirements.txt``, both packages of
``code/``) and the data; no shared file system. Outputs come back to the machine that builds.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from bookbuild.project import BuildFailed

# seconds that a scheduler has to answer
PATIENCE = 10.0


@contextmanager
def executor_of(address: str) -> Iterator[Executor]:
    """The executor of the Dask cluster whose scheduler has this address.

    A page whose worker is lost runs again on another one.

    Raises
    ------
    BuildFailed
        If ``dask.distributed`` is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise BuildFailed(
            "a cluster needs the package distributed: python -m pip install distributed"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise BuildFailed(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        # the same page twice is two pieces of work: an edit may lie between them
        yield client.get_executor(pure=False)
