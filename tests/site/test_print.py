"""On paper every page has the same, light colours, whatever the screen was."""

import pytest

pytestmark = pytest.mark.browser

# the landing page, an opening page, exercises and a figure that is drawn, one that is live,
# tables, mathematics
PAGES = [
    "book/index.html",
    "book/boltzmann/index.html",
    "book/feedforward/digits.html",
    "book/boltzmann/sampling.html",
    "book/promises.html",
    "book/notation.html",
]
# of everything that is to be seen, what it is and every colour of it
COLOURS = """() => {
  const names = ["color", "backgroundColor", "borderTopColor", "borderRightColor",
    "borderBottomColor", "borderLeftColor", "outlineColor", "textDecorationColor", "fill", "stroke",
    "boxShadow", "colorScheme"];
  return [...document.querySelectorAll("html, body, body *")]
    .filter((element) => element.checkVisibility())
    .map((element) => {
      const style = getComputedStyle(element);
      return [element.tagName, ...names.map((name) => style[name])].join("; ");
    });
}"""


@pytest.fixture
def printed(reader):
    """Gives the colours of a page on paper; the reader's system is light or dark."""

    def look(name, system, *, chosen=None, **options):
        window = reader(color_scheme=system, reduced_motion="reduce", **options)
        page = window.open(name)
        if chosen is not None:
            page.evaluate("(mode) => localStorage.setItem('mode', mode)", chosen)
            page.reload()
            assert page.locator("html").get_attribute("data-theme") == chosen
        page.emulate_media(media="print")
        ground = "(body) => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]"
        assert page.locator("body").evaluate(ground) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        return page.evaluate(COLOURS)

    return look


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_same_colours_on_paper_from_every_theme(printed, name):
    light = printed(name, "light")
    assert len(light) > 50
    for other in (
        printed(name, "dark"),
        printed(name, "light", chosen="dark"),
        printed(name, "dark", chosen="light"),
    ):
        assert [pair for pair in zip(light, other, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_paper_is_light_too(printed, name):
    # what stands folded where scripts run is open here, so there is more of it
    light = printed(name, "light", java_script_enabled=False)
    assert printed(name, "dark", java_script_enabled=False) == light
