"""Live figures of the built site whose data comes when the reader comes near, in Chromium."""

import hashlib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from bookbuild.extensions import live_files
from deepbook.boltzmann import RBM
from deepbook.live import CDBias, FilmRecommender, GibbsDream, TemperingWalker

pytestmark = pytest.mark.browser

LOADER = Path(__file__).parents[2] / "book" / "_static" / "live.js"
CARD = "document.querySelector('[data-values][data-src]').closest('div').shadowRoot"
WATCH_SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => entry.value)))
    .observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture(scope="module")
def heavy(pages):
    """Pages with live figures whose data lies in a file, and how far down the first one is."""
    found = [page for page in pages if page.soup.select("[data-values][data-src]")]
    assert found
    return found


def asked(page):
    """Addresses of the data that a window asks for from now on."""
    addresses = []
    page.on("request", lambda r: r.url.count("/_static/live/") and addresses.append(r.url))
    return addresses


def walk_to(page, selector):
    """Turn the wheel until the first such element stands in the middle."""
    page.mouse.move(600, 300)
    for _ in range(300):
        box = page.locator(selector).first.bounding_box()
        if box["y"] < 400:
            return
        page.mouse.wheel(0, 250)
        page.wait_for_timeout(30)
    raise AssertionError(f"expected {selector} within 75,000 pixels")


def test_data_loads_when_the_reader_comes_near_and_nothing_moves(reader, heavy):
    for each in heavy:
        window = reader()
        addresses = asked(window.page)
        page = window.open(each.name)
        page.evaluate(WATCH_SHIFTS)
        page.wait_for_timeout(300)
        assert addresses == [], each.name
        walk_to(page, "[data-deepbook-live]:has([data-src])")
        page.wait_for_function(f"{CARD}?.querySelector('.card')")
        page.wait_for_timeout(300)
        assert [a.rpartition(".")[2] for a in addresses].count("js") == 1, each.name
        assert sum(page.evaluate("shifts")) < 0.001, each.name
        assert window.trouble == []


def test_from_disk_with_the_network_off_the_figures_start_too(reader_of_files, heavy):
    for each in heavy:
        page = reader_of_files.open(each.name)
        page.locator("[data-deepbook-live]:has([data-src])").first.scroll_into_view_if_needed()
        page.wait_for_function(f"{CARD}?.querySelector('.card')")
    assert reader_of_files.trouble == []


def test_without_scripts_the_picture_stands_there(reader, heavy):
    page = reader(java_script_enabled=False).open(heavy[0].name)
    picture = page.locator("[data-deepbook-live]:has([data-src]) img").first
    picture.scroll_into_view_if_needed()
    assert picture.is_visible()
    assert picture.evaluate("(image) => image.naturalWidth") > 400


def words():
    figure, axis = plt.subplots(figsize=(4, 2))
    axis.plot([0, 1])
    return {"fallback": figure, "alt": "A line that rises."}


def bias():
    data = torch.zeros(16)
    data[12], data[3], data[7] = 0.5, 0.25, 0.25
    machine = RBM(4, 3, weight_scale=1.5, generator=torch.Generator().manual_seed(1))
    return CDBias(*machine.parameters(), data, **words())


def dream():
    weight = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    examples = torch.eye(8).reshape(1, 8, 8)
    zeros = (torch.zeros(64), torch.zeros(10))
    return GibbsDream(weight, *zeros, shape=(8, 8), examples=examples, **words())


def walker():
    x = torch.linspace(-2, 2, 41)
    energy = 4 * (x**2 - 1.2) ** 2 + 0.3 * x
    return TemperingWalker(energy, [1, 0.5, 0.2], width=2, start=9, axis=(-2, 2), **words())


def film():
    weight = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(2))
    names = ["Alien <1979>", 'Brazil "1985"', "Ünique"]
    return FilmRecommender.softmax(names, weight, torch.zeros(3, 5), torch.zeros(2), **words())


FIGURES = {"bias": bias, "dream": dream, "walker": walker, "film": film}


@pytest.fixture
def show(browser, tmp_path, monkeypatch):
    """Opens figures from disk with the network off: with their data in files, or as they are."""
    monkeypatch.setattr(live_files, "LARGEST", 0)
    opened = []

    def keep(content, ending):
        name = f"{hashlib.sha256(content).hexdigest()}.{ending}"
        (tmp_path / name).write_bytes(content)
        return name

    def start(figures, light):
        if light:
            figures = [live_files.move_out(figure, keep) for figure in figures]
            figures.append(f"<script>{LOADER.read_text()}</script>")
        html = "\n".join(figures)
        (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8>{html}")
        context = browser.new_context(offline=True, reduced_motion="reduce")
        opened.append(context)
        page = context.new_page()
        page.trouble = []
        page.on("console", lambda m: m.type == "error" and page.trouble.append(m.text))
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_computes_the_same_with_its_data_in_a_file(show, name):
    html = FIGURES[name]()._repr_html_()
    seen = []
    for light in (False, True):
        page = show([html], light)
        page.locator(".card").wait_for()
        page.wait_for_timeout(200)  # drawings get their size
        for step in page.get_by_role("button", name="One step").all():
            step.click()
        drawings = "(all) => all.map((one) => one.toDataURL())"
        text = page.locator(".card").inner_text()
        seen.append((text, page.locator("canvas").evaluate_all(drawings)))
        assert page.trouble == []
    assert seen[0][0].strip()
    assert seen[0] == seen[1]


def test_two_figures_with_the_same_data_load_it_once(show):
    page = show([bias()._repr_html_()] * 2, light=True)
    page.locator(".card").nth(1).wait_for()
    assert page.locator("head > script[src]").count() == 1
    assert page.trouble == []


def test_where_the_data_is_missing_the_picture_stays_and_it_is_said_once(show, tmp_path):
    page = show([bias()._repr_html_()], light=True)
    page.locator(".card").wait_for()
    (data,) = tmp_path.glob("*.js")
    data.unlink()
    page.trouble.clear()
    page.reload()
    page.wait_for_timeout(500)
    assert page.get_by_role("img", name="A line that rises.").is_visible()
    assert page.locator(".card").count() == 0
    (said,) = [text for text in page.trouble if "The data of a live figure is missing" in text]
    assert data.name in said
