"""Every page under axe-core, with all that folds open: light and wide, dark and on a phone.

Formulas and coloured code are left out, a hundred thousand elements in which no link, button or
picture stands, and so is the rule on contrast: ``test_browser.py`` looks at every text.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

pytestmark = pytest.mark.browser

OPEN = """() => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  for (const button of document.querySelectorAll(".toggle-button-hidden")) button.click();
}"""
RUN = """async (runOnly) => {
  // a page that has changed its size has been drawn when the second frame begins
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const options = runOnly ? { runOnly } : { rules: { "color-contrast": { enabled: false } } };
  const found = await axe.run(
    { exclude: [["math"], [".highlight"]] }, { resultTypes: ["violations"], ...options });
  // a formula is text to who listens, and excluded above: a head may be one
  const formula = (rule, node) => rule.id === "empty-table-header" &&
    document.querySelector(node.target.join(" ")).querySelector("math");
  return found.violations.flatMap((rule) => rule.nodes
    .filter((node) => !formula(rule, node))
    .map((node) => `${rule.id}: ${node.target.join(" ")}`));
}"""
# under the second look what depends on it
LOOKS = [
    ("light", 1280, None),
    ("dark", 390, ["scrollable-region-focusable", "target-size"]),
]


@pytest.fixture(scope="module")
def violations(new_reader, pages):
    """Page to what axe finds on it, and under which look."""
    window = new_reader(color_scheme="light", reduced_motion="reduce")
    found = {}
    for page in pages:
        shown = window.open(page.name)
        shown.evaluate(AXE_SCRIPT)
        shown.evaluate(OPEN)
        for scheme, width, rules in LOOKS:
            shown.set_viewport_size({"width": width, "height": 900})
            shown.emulate_media(color_scheme=scheme)
            for violation in shown.evaluate(RUN, rules):
                found.setdefault(page.name, {}).setdefault(violation, []).append((scheme, width))
    window.context.close()
    return found


def test_no_page_breaks_a_rule_of_axe(violations):
    assert violations == {}


def test_axe_finds_what_is_planted(new_reader, pages):
    window = new_reader()
    shown = window.open(pages[0].name)
    shown.evaluate(AXE_SCRIPT)
    shown.evaluate("document.querySelector('.bd-article').append(new Image())")
    assert [v for v in shown.evaluate(RUN) if v.startswith("image-alt")]
    window.context.close()
