"""The kernel provisioner that forks: jupyter_client's way to start kernels by other means."""

import asyncio
import os
import subprocess
from contextlib import suppress
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from bookbuild.execution.forkserver import shared_server

NAME = "bookbuild-fork"


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel as a fork of a process that has torch and matplotlib imported.

    Registered as ``bookbuild-fork`` under ``jupyter_client.kernel_provisioners``.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork instead of executing ``cmd``, which ends with the kernel's own arguments."""
        # the command is: python -m ipykernel_launcher ARGUMENTS, maybe with options of python
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        kernel = shared_server().fork(
            arguments,
            cwd=str(kwargs.get("cwd") or os.getcwd()),
            env=kwargs.get("env") or dict(os.environ),
        )
        self.process = kernel  # type: ignore[assignment]  # it has the face of a Popen
        self.pid = self.pgid = kernel.pid
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and see it end, which jupyter_client would look for every 0.1 s."""
        await super().kill(restart)
        with suppress(subprocess.TimeoutExpired):
            if self.process is not None:
                await asyncio.to_thread(self.process.wait, 1)
