"""The built site in headless Chromium, served and opened from disk."""

import pytest

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}

# Each visible piece of text whose contrast to its ground is below WCAG 2.1 AA.
POOR_CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(element).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    const seen = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!text || !seen || element.closest("script, style, noscript, annotation")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(channels(style.color)), luminance(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.add(`${text.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""


NAMELESS_BUTTONS = """() => [...document.querySelectorAll("button, a.btn, summary")]
  .filter((b) => !(b.ariaLabel || b.title || b.textContent.trim())).map((b) => b.outerHTML)"""
BLANK_ICONS = """() => [...document.querySelectorAll("i[class*=fa-], span[class*=fa-]")]
  .filter((i) => getComputedStyle(i).maskImage === "none").map((i) => i.className)"""
SMALL_TEXT = """() => [...document.querySelectorAll(".bd-article section > p, .bd-article li > p")]
  .filter((p) => parseFloat(getComputedStyle(p).fontSize) < 16).map((p) => p.textContent)"""

# what teaches is not folded, and is within sixty columns
SCROLLING_CODE = """() => [...document.querySelectorAll(".cell_input pre")]
  .filter((p) => !p.closest("details") && p.scrollWidth > p.clientWidth + 1)
  .map((p) => p.textContent.slice(0, 60))"""


@pytest.fixture(scope="module")
def survey(new_reader, pages):
    """Each page opened once, and asked: light, dark, printed from the dark, on a phone."""
    window = new_reader(color_scheme="light")
    found = {}
    for page in pages:
        shown = window.open(page.name)
        found[page.name] = seen = {"light": shown.evaluate(POOR_CONTRAST)}
        shown.emulate_media(color_scheme="dark")
        seen["dark"] = shown.evaluate(POOR_CONTRAST)
        shown.emulate_media(media="print")
        seen["print"] = shown.evaluate(POOR_CONTRAST)
        shown.emulate_media(media="screen")
        shown.emulate_media(color_scheme="light")
        seen["nameless"] = shown.evaluate(NAMELESS_BUTTONS)
        seen["blank"] = shown.evaluate(BLANK_ICONS)
        wide = shown.viewport_size
        shown.set_viewport_size({"width": 390, "height": 800})
        seen["width"] = shown.evaluate("document.documentElement.scrollWidth")
        seen["small"] = shown.evaluate(SMALL_TEXT)
        seen["scrolling"] = shown.evaluate(SCROLLING_CODE)
        shown.set_viewport_size(wide)
        seen["trouble"] = window.trouble.copy()
        window.trouble.clear()
    window.context.close()
    return found


def faults(survey, kind):
    return {name: seen[kind] for name, seen in survey.items() if seen[kind]}


def test_every_page_opens_without_trouble(survey):
    assert faults(survey, "trouble") == {}


def test_every_page_opens_from_disk_with_the_network_off(reader_of_files, pages):
    for page in pages:
        reader_of_files.open(page.name)
    assert reader_of_files.trouble == []


@pytest.mark.parametrize("look", ["light", "dark", "print"])
def test_every_text_has_the_contrast_of_aa(survey, look):
    assert faults(survey, look) == {}


def test_no_page_scrolls_sideways_on_a_phone(survey):
    assert {name: seen["width"] for name, seen in survey.items() if seen["width"] > 390} == {}


def test_text_on_a_phone_is_16_pixels_or_more(survey):
    assert faults(survey, "small") == {}


def test_code_that_teaches_does_not_scroll_on_a_phone(survey):
    assert faults(survey, "scrolling") == {}


def test_every_button_has_a_name(survey):
    assert faults(survey, "nameless") == {}


def test_every_icon_has_a_drawing(survey):
    assert faults(survey, "blank") == {}


def test_lines_of_text_hold_about_70_characters(reader):
    page = reader(viewport={"width": 1600, "height": 900}).open("book/index.html")
    characters = page.evaluate(
        """() => {
          const p = document.createElement("p");
          p.textContent = "The quick brown fox jumps over the lazy dog and runs. ".repeat(20);
          document.querySelector(".bd-article").appendChild(p);
          const line = p.getBoundingClientRect().width;
          p.style.cssText = "max-width: none; white-space: nowrap; width: max-content";
          return p.textContent.length * line / p.getBoundingClientRect().width;
        }"""
    )
    assert 60 < characters < 80


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(
    ("scheme", "paper"), [("light", "rgb(252, 251, 248)"), ("dark", "rgb(22, 24, 27)")]
)
def test_a_page_is_as_light_or_dark_as_the_system(reader, scheme, paper, scripts):
    page = reader(color_scheme=scheme, java_script_enabled=scripts).open("book/index.html")
    ground = page.locator("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    assert ground == paper


def test_the_theme_switch_toggles_dark_by_keyboard_and_is_remembered(reader):
    window = reader(color_scheme="light")
    page = window.open("book/index.html")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator(".theme-switch-button").focus()
    page.keyboard.press("Enter")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert dark != light
    window.open("search.html")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_figures_stand_on_a_light_card_in_the_dark(reader):
    page = reader(color_scheme="dark").open("book/index.html")
    card = page.locator(".cell_output img").first
    assert card.evaluate("(e) => getComputedStyle(e).backgroundColor") == "rgb(252, 251, 248)"


@pytest.mark.parametrize("where", ["served", "on disk"])
def test_search_finds_the_perceptron(reader, request, where):
    window = reader() if where == "served" else request.getfixturevalue("reader_of_files")
    page = window.open("book/index.html")
    page.locator("input[type=search]").fill("perceptron")
    page.keyboard.press("Enter")
    page.locator("ul.search a[href*='feedforward/perceptron.html']").first.wait_for()
    assert window.trouble == []


def test_the_menu_downloads_the_notebook_and_closes(reader, pages):
    with_notebook = next(p for p in pages if p.soup.select(".download-notebook-button"))
    page = reader().open(with_notebook.name)
    menu = page.locator(".menu")
    menu.locator("summary").press("Enter")
    with page.expect_download() as download:
        menu.locator(".download-notebook-button").click()
    assert download.value.suggested_filename.endswith(".ipynb")
    page.keyboard.press("Escape")
    assert not menu.locator("a").first.is_visible()


def test_under_the_title_of_a_chapters_opening_page_the_chapter_is_downloaded(reader):
    page = reader(**PHONE).open("book/boltzmann/index.html")
    link = page.get_by_role("link", name="This chapter as notebooks")
    assert link.bounding_box()["y"] < 400  # on the first screen of a telephone
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "deepbook-boltzmann.zip"


def test_mathematics_has_its_height(reader, pages):
    page_with_formula = next(page for page in pages if page.soup.select("math mfrac"))
    page = reader().open(page_with_formula.name)
    page.evaluate("document.fonts.ready")
    formula = page.locator("math:has(mfrac)").first
    line = page.locator(".bd-article section > p").first.evaluate(
        "(p) => parseFloat(getComputedStyle(p).fontSize)"
    )
    assert formula.bounding_box()["height"] > 1.5 * line
    assert page.evaluate("document.fonts.check('16px \"Deepbook Math\"')")


def test_the_chapters_open_and_close_on_a_phone(reader):
    page = reader(**PHONE).open("book/index.html")
    chapter = page.locator("nav.bd-docs-nav a", has_text="Feedforward networks").first
    assert not chapter.is_visible()
    page.get_by_role("button", name="Chapters").click()
    assert chapter.is_visible()
    page.get_by_role("button", name="Close").click()
    assert not chapter.is_visible()


def test_contents_close_when_a_link_in_them_is_followed_on_a_phone(reader, pages):
    with_contents = next(p for p in pages if p.soup.select("#pst-page-toc-nav a"))
    page = reader(**PHONE).open(with_contents.name)
    page.get_by_role("button", name="On this page").click()
    page.locator("#pst-page-toc-nav a").first.click()
    assert not page.locator("#pst-page-toc-nav").is_visible()
    assert "#" in page.url


def test_fingers_can_hit_what_stands_in_the_bar(reader):
    page = reader(**PHONE).open("book/feedforward/index.html")
    for button in page.locator(".bd-header-article .btn:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, button.get_attribute("class")


def test_focus_can_be_seen(reader):
    page = reader().open("book/index.html")
    page.keyboard.press("Tab")
    skip = page.locator(".skip-link a")
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_paper_gets_the_article_alone_and_in_black(reader):
    page = reader(color_scheme="dark").open("book/index.html")
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("#pst-primary-sidebar").is_visible()
    assert not page.locator(".bd-header-article").is_visible()
    assert page.locator("footer.bd-footer-content").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
