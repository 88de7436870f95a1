"""The book's way to run a page, for whoever works with jupyter-cache's own commands.

Registered as ``bookbuild`` under ``jcache.executors``: ``jcache project execute --executor
bookbuild``. Kernels are forked, several at a time; the build itself goes another way, because
it also records what each page depends on.
"""

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbProjectRecord
from jupyter_cache.executors.base import ExecutorRunResult, JupyterExecutorAbstract

from bookbuild.execution.capacity import pages_at_once
from bookbuild.execution.execute import LIMITS
from bookbuild.execution.forkserver import can_fork, close_shared_server
from bookbuild.execution.kernel import Limits, run_page


class PageExecutor(JupyterExecutorAbstract):
    """Executes a jupyter-cache project's notebooks in forked kernels."""

    def run_and_cache(
        self,
        *,
        filter_uris: list[str] | None = None,
        filter_pks: list[int] | None = None,
        timeout: int | None = None,
        allow_errors: bool = False,
        force: bool = False,
        **kwargs: Any,
    ) -> ExecutorRunResult:
        """Execute notebooks and cache those that succeed.

        Parameters
        ----------
        filter_uris, filter_pks : list, optional
            Only these notebooks of the project.
        timeout : int, optional
            Seconds for a whole notebook; the build's own limit if not given.
        allow_errors : bool
            Not supported: a page of the book never ends in an error.
        force : bool
            Also those that are in the cache.

        Raises
        ------
        ValueError
            If ``allow_errors`` is asked for.
        """
        if allow_errors:
            raise ValueError("a page that raises is never kept: allow_errors is not supported")
        result = ExecutorRunResult()
        try:
            with ThreadPoolExecutor(pages_at_once()) as pool:
                waiting = {}
                for record in self.get_records(filter_uris, filter_pks, force=force):
                    try:
                        notebook = self.cache.get_project_notebook(record.pk).nb
                    except Exception as error:  # whatever the project's reader raises
                        self.logger.error("%s could not be read: %s", record.uri, error)
                        result.errored.append(record.uri)
                        continue
                    limits = Limits(whole=timeout) if timeout else LIMITS
                    future = pool.submit(run_page, record.uri, notebook, limits, fork=can_fork())
                    waiting[future] = record.uri
                for future in as_completed(waiting):
                    run, uri = future.result(), waiting[future]
                    if run.failure is not None:
                        NbProjectRecord.set_traceback(uri, run.failure, self.cache.db)
                        self.logger.error(run.failure)
                        result.excepted.append(uri)
                        continue
                    data = {"execution_seconds": run.seconds, "cpu_seconds": run.cpu_seconds}
                    bundle = CacheBundleIn(run.notebook, uri, data=data)
                    self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                    result.succeeded.append(uri)
        finally:
            close_shared_server()
        return result
