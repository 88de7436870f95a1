import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bookbuild.execution.forkserver import ForkServer, can_fork, close_shared_server, shared_server
from bookbuild.execution.kernel import Limits, run_page
from bookbuild.project import KERNEL_ENVIRONMENT

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system cannot fork")


@pytest.fixture(scope="module", autouse=True)
def environment():
    """What the build sets before it forks; afterwards nothing of it runs any more."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KERNEL_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield
    close_shared_server()


def run(*sources, limits=None, fork=True):
    cells = [new_code_cell(source) for source in sources]
    return run_page("book/page", new_notebook(cells=cells), limits or Limits(), fork=fork)


def values(run):
    """What each cell shows, as Python objects."""
    assert run.failure is None, run.failure
    return [eval(cell.outputs[0].data["text/plain"]) for cell in run.notebook.cells]


LOOK = """
import os, sys
{
    "cwd": os.listdir(),
    "loaded": sorted(n for n in sys.modules if n.partition(".")[0] in ("deepbook", "bookbuild")),
    "path": [p for p in sys.path if p],
    "argv": sys.argv[0],
    "main": sys.modules["__main__"].__dict__ is globals(),
    "leader": os.getsid(0) == os.getpid(),
    "figures": __import__("matplotlib.pyplot").pyplot.get_fignums(),
    "backend": __import__("matplotlib").get_backend(),
    "threads": __import__("torch").get_num_threads(),
    # IPython's own folder is another one for each page
    "environment": {
        k: v for k, v in os.environ.items() if k[:6] not in ("JPY_PA", "PYDEVD", "IPYTHO")
    },
    "signals": [str(__import__("signal").getsignal(s)) for s in (2, 15, 17)],
    "hash": hash("deep"),
}
"""


def test_a_forked_kernel_is_as_clean_as_an_ordinary_one():
    (forked,) = values(run(LOOK))
    (ordinary,) = values(run(LOOK, fork=False))
    # the package whose program the parent is; nothing else of the build, and no page's code
    assert forked.pop("loaded") == ["bookbuild", "bookbuild.execution"]
    assert ordinary.pop("loaded") == []
    assert Path(forked.pop("argv")).name.startswith("ipykernel_launcher")
    assert Path(ordinary.pop("argv")).name.startswith("ipykernel_launcher")
    assert forked == ordinary
    assert forked["cwd"] == []
    assert forked["threads"] == 1


def test_what_one_page_does_no_other_page_sees(monkeypatch):
    spoil = """
    import os, random, sys, numpy, torch, matplotlib.pyplot as plt
    os.environ["SPOILT"] = "1"; sys.path.append("/spoilt"); numpy.spoilt = True
    plt.rcParams["lines.linewidth"] = 99; torch.manual_seed(1); plt.figure(); plt.close()
    """
    look = """
    import os, sys, numpy, torch, matplotlib.pyplot as plt
    ("SPOILT" in os.environ, "/spoilt" in sys.path, hasattr(numpy, "spoilt"),
     plt.rcParams["lines.linewidth"] == 99, torch.initial_seed() == 1)
    """
    assert run(spoil).failure is None
    assert values(run(look)) == [(False,) * 5]
    # and the environment is that of now, not that of the first fork
    monkeypatch.setenv("COLOUR_OF_THE_DAY", "blue")
    assert values(run("__import__('os').environ['COLOUR_OF_THE_DAY']")) == ["blue"]


def test_a_page_finds_imported_what_its_first_optimizer_needs():
    source = """
    import sys, torch
    weights, before = [torch.zeros(2, requires_grad=True)], set(sys.modules)
    adam = torch.optim.Adam(weights, 0.1)
    weights[0].sum().backward(); adam.step(); adam.zero_grad()
    torch.func.vmap(torch.sin)(torch.ones(3))
    len(set(sys.modules) - before)
    """
    (imported,), (in_ordinary,) = values(run(source)), values(run(source, fork=False))
    assert imported <= 20 < in_ordinary


def test_a_page_that_forgets_its_seed_gets_other_numbers_each_time():
    draw = "import random, numpy, torch; [random.random(), numpy.random.rand()]"
    draw += "+ [torch.initial_seed()]"
    one, two = (values(run(draw))[0] for _ in range(2))
    assert all(a != b for a, b in zip(one, two, strict=True))


def test_a_forked_kernel_inherits_no_socket_of_its_parent():
    source = """
    import os
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try: found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
        except OSError: pass
    [target for target in found.values() if target.startswith("socket:")]
    """
    (inside,) = values(run(source))
    server = shared_server()._process.pid
    control = {os.readlink(link) for link in Path(f"/proc/{server}/fd").iterdir()}
    assert any(target.startswith("socket:") for target in control)
    assert not control & set(inside)


FIGURE = """
import matplotlib.pyplot as plt, torch
from deepbook import figures, seed
seed(3)
network = torch.nn.Sequential(torch.nn.Linear(5, 40), torch.nn.Tanh(), torch.nn.Linear(40, 1))
x = torch.randn(200, 5)
for _ in range(5):
    loss = network(x).square().mean()
    network.zero_grad(); loss.backward()
    with torch.no_grad():
        for p in network.parameters(): p -= 0.1 * p.grad
figures.curves([1, 2, 3], {"a": x[:3, 0].numpy()}, xlabel="x", ylabel="y");
"""


def test_a_forked_kernel_gives_the_same_bytes_as_an_ordinary_one():
    source = [FIGURE, "[loss.item().hex(), float(x.sum()).hex()]", "print(sorted({'b', 'a'}))"]
    forked, ordinary = run(*source), run(*source, fork=False)
    assert forked.failure is None
    outputs = [[cell.outputs for cell in each.notebook.cells] for each in (forked, ordinary)]
    assert outputs[0] == outputs[1]
    assert "image/svg+xml" in outputs[0][0][0].data
    told = [json.loads(each.probe) for each in (forked, ordinary)]
    deepbook = [{n for n in each["modules"] if n.startswith("deepbook")} for each in told]
    assert deepbook[0] == deepbook[1] >= {"deepbook", "deepbook.figures", "deepbook.randomness"}


def test_the_cpu_time_of_a_forked_kernel_is_measured():
    burn = "import time\nwhile time.process_time() < {}: pass"
    idle, busy = run("import time; time.sleep(1)"), run(burn.format(1.0))
    assert idle.cpu_seconds < 0.9
    assert 1.0 <= busy.cpu_seconds < 2.5


def test_a_page_over_its_time_leaves_no_process_behind():
    source = "import os, subprocess; subprocess.Popen(['sleep', '77']); os.getpid()"
    late = run(source, "while True: pass", limits=Limits(whole=3))
    assert late.failure.endswith("the page took longer than 3 seconds")
    assert not psutil.pid_exists(int(late.notebook.cells[0].outputs[0].data["text/plain"]))


def test_a_kernel_that_dies_is_told_and_the_next_page_runs():
    for death in ("os._exit(3)", "os.kill(os.getpid(), 11)", "os.kill(os.getpid(), 9)"):
        assert run("import os", death).failure.endswith("    the kernel died")
    assert values(run("6 * 7")) == [42]


def test_a_parent_that_dies_fails_its_page_and_is_started_anew():
    failed = run("import os, signal; os.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass")
    assert failed.failure is not None
    assert failed.seconds < 600
    assert values(run("6 * 7")) == [42]


def test_closing_ends_the_parent_and_every_kernel():
    server = ForkServer()
    arguments = ["-f", "/nonexistent/connection.json"]
    kernels = [server.fork(arguments, cwd="/", env=os.environ) for _ in range(2)]
    server.close()
    assert not psutil.pid_exists(server._process.pid)
    for kernel in kernels:
        assert kernel.wait(5) != 0
        wait_until(lambda pid=kernel.pid: not alive(pid))
    with pytest.raises((ChildProcessError, OSError)):
        server.fork(arguments, cwd="/", env=os.environ)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def builder(book, *arguments):
    """A build in a process of its own; ended in any case."""
    source = (
        "import sys, deepbook.data\ndeepbook.data.fetch_all = lambda: None\n"
        "from bookbuild.execution import forkserver\n"
        "forkserver.PRELOADED = forkserver.OF_KERNELS\n"  # the small book needs no torch
        "from bookbuild.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        cwd=book.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def long_book(fresh_book, tmp_path):
    """A book whose second page says that it runs, and goes on for minutes."""
    mark = tmp_path / "running"
    fresh_book.edit(
        "book/two",
        'print("hello")',
        f"import os, time, pathlib\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
        "while True: time.sleep(0.01)",
    )
    return fresh_book, mark


@pytest.mark.parametrize("how", [[], ["--no-fork"]], ids=["forked", "ordinary"])
def test_nothing_survives_a_builder_that_is_killed(long_book, how):
    book, mark = long_book
    with builder(book, "execute", *how) as process:
        wait_until(lambda: mark.exists() and mark.read_text())
        family = psutil.Process(process.pid).children(recursive=True)
        assert int(mark.read_text()) in [child.pid for child in family]
        process.kill()
        process.wait()
        wait_until(lambda: not any(alive(child.pid) for child in family))


def test_what_a_page_has_started_does_not_survive_a_builder_that_is_killed(long_book):
    book, mark = long_book
    book.edit(
        "book/two",
        "while True",
        "import subprocess\nsubprocess.Popen(['sleep', '600'])\nwhile True",
    )
    with builder(book, "execute") as process:
        wait_until(lambda: mark.exists() and mark.read_text())
        kernel = psutil.Process(int(mark.read_text()))
        wait_until(kernel.children)
        (started,) = kernel.children()
        process.kill()
        wait_until(lambda: not alive(started.pid))
        # to its end: also what the process that forks says last
        assert "Exception" not in process.stdout.read()


@pytest.mark.parametrize("how", [[], ["--no-fork"]], ids=["forked", "ordinary"])
def test_ctrl_c_stops_with_130_and_keeps_the_pages_that_are_finished(long_book, how):
    book, mark = long_book
    first = book.project.build / "records" / "book" / "one.json"
    with builder(book, "execute", "--jobs", "2", *how) as process:
        wait_until(lambda: mark.exists() and mark.read_text() and first.exists())
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        # the page that runs would never end: it is not waited for
        text, _ = process.communicate(timeout=300)
        assert process.returncode == 130
        assert "stopped; pages that were finished are kept" in text
        assert "Traceback" not in text
        wait_until(lambda: not any(alive(child.pid) for child in family))
    book.edit("book/two", "while True: time.sleep(0.01)", "")
    assert book.run("execute").kernels == 1


@pytest.mark.parametrize("seconds", [0.2, 1.0])
def test_ctrl_c_while_kernels_start_stops_too(long_book, seconds):
    book, _ = long_book
    with builder(book, "execute", "--jobs", "2", "--no-fork") as process:
        wait_until(lambda: psutil.Process(process.pid).children())
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=600)
        assert process.returncode == 130
