"""Live figures in Chromium: by mouse, finger and keyboard, in motion and at rest, and broken."""

import re

import matplotlib.pyplot as plt
import pytest
import torch

from deepbook.boltzmann import RBM, SoftmaxRBM
from deepbook.boltzmann.learning.expected_cd import expected_cd_gradient
from deepbook.live import (
    BallRace,
    CDBias,
    DrawnDigit,
    DropoutMasks,
    FilmRecommender,
    GibbsDream,
    PenaltyContours,
    Pronouncer,
    RaceSurface,
    TemperingWalker,
    TextSampler,
    TunePlayer,
    WarpedDigit,
)
from deepbook.optimization import LANDSCAPES
from deepbook.regularization import l2_minimum
from deepbook.sequence import CharacterModel, EncoderDecoder, parse_abc, played_tune

pytestmark = pytest.mark.browser

ADDRESS = "http://live.test/"
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "device_scale_factor": 2}
FILMS = [
    "Alien (1979)",
    "Brazil (1985)",
    "Clue (1985)",
    "Dune (1984)",
    "E.T. (1982)",
    "Fargo",
    "Go",
]


def random(seed):
    return torch.Generator().manual_seed(seed)


def words():
    figure, axis = plt.subplots(figsize=(4, 2))
    axis.plot([0, 1])
    return {"fallback": figure, "alt": "A line that rises."}


def dream():
    weight = torch.randn(64, 10, generator=random(0))
    examples = torch.eye(8).reshape(1, 8, 8).repeat(2, 1, 1)
    biases = (torch.zeros(64), torch.zeros(10))
    return GibbsDream(weight, *biases, shape=(8, 8), examples=examples, **words())


def walker():
    x = torch.linspace(-2, 2, 41)
    energy = 4 * (x**2 - 1.2) ** 2 + 0.3 * x
    return TemperingWalker(energy, [1, 0.5, 0.2], width=2, start=9, axis=(-2, 2), **words())


DATA = torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]])


def bias():
    data = torch.zeros(16)
    data[12], data[3], data[7] = 0.5, 0.25, 0.25
    return CDBias(*bias_machine().parameters(), data, **words())


def bias_machine():
    return RBM(4, 3, weight_scale=1.5, generator=random(1))


def film_machine():
    return SoftmaxRBM(len(FILMS), 5, 4, weight_scale=1.0, generator=random(2))


def film():
    return FilmRecommender.softmax(FILMS, *film_machine().parameters(), **words())


def mask_network():
    return (
        torch.randn(12, 16, generator=random(3)),
        torch.zeros(12),
        torch.randn(10, 12, generator=random(4)),
        torch.zeros(10),
    )


LETTERS = "abcdefg \n"
MASK_EXAMPLES = torch.rand(3, 4, 4, generator=random(5))


def masks():
    return DropoutMasks(*mask_network(), MASK_EXAMPLES, [3, 1, 7], **words())


def writer_network():
    torch.manual_seed(3)
    return CharacterModel(9, 8, embedding_size=4)


def writer():
    network = writer_network()
    cell = network.recurrent
    weights = (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, cell.bias_hh_l0)
    return TextSampler(
        network.embedding.weight,
        *weights,
        3 * network.output.weight,
        network.output.bias,
        LETTERS,
        start="ab",
        dtype="float32",
        **words(),
    )


def penalties():
    return PenaltyContours([30.0, 20.0], 0.4, names=("first", "second"), **words())


def race():
    rates = {"descent": 0.01, "momentum": 0.01, "adam": 0.1}
    plane = RaceSurface(
        "plane", ((-1, 1), (0, 2)), (0.5, 1.5), rates, values=torch.randn(9, 9, generator=random(3))
    )
    ravine = LANDSCAPES["ravine"]
    first = RaceSurface("ravine", ravine.domain, ravine.start, rates, formula="ravine")
    return BallRace([first, plane], running=["descent", "adam"], **words())


def moved_network():
    """Ten classes by how much ink is right of the middle: 4 for little, 7 for much."""
    weight = torch.zeros(10, 784)
    right = torch.arange(784) % 28 > 14
    weight[7, right], weight[4, ~right] = 1.0, 1.0
    return weight


def moved():
    images = torch.zeros(3, 28, 28)
    images[0, 8:20, 7:11] = 1  # left of the middle
    images[1, 8:20, 18:22] = 1  # right of it
    images[2, 4:9, 12:17] = 1  # above it
    layers = [(moved_network(), torch.zeros(10))]
    return WarpedDigit(
        images,
        [4, 7, 7],
        {"without augmentation": layers, "with augmentation": [(-layers[0][0], layers[0][1])]},
        centre=(14, 14),
        **words(),
    )


TUNES = {
    "short": "M:2/4\nL:1/8\nK:D\n|:d>f (3gfe:|1A,2z2:|2^c4|]",
    "long": "M:6/8\nL:1/8\nK:Gm\n" + "G3 B3|" * 9,
}


def player():
    tunes = [played_tune(parse_abc(text), name) for name, text in TUNES.items()]
    return TunePlayer(tunes, **words())


def drawn():
    """Reads ink on the left as 4, on the right as 7, and above and below the middle as 1."""
    images = torch.zeros(2, 28, 28)
    images[0, 8:20, 6:9] = 1
    images[1, 8:20, 19:22] = 1
    weight = torch.zeros(10, 14, 14)
    weight[4, :, :5] = weight[7, :, 9:] = 1
    weight[1, [2, 3, 10, 11], 5:9] = 1
    stage = (torch.ones(1, 1, 1, 1), torch.ones(1), torch.zeros(1))
    return DrawnDigit(images, [4, 7], [stage], (weight.flatten(1), torch.zeros(10)), **words())


def spoken():
    network = EncoderDecoder(10, 8, 5, 12, generator=random(3))
    sounds = ["AH", "B", "K", "SH", "T"]
    return Pronouncer(network.state_dict(), "abcdefg", sounds, word="bad", **words())


FIGURES = {
    "dream": dream,
    "walker": walker,
    "bias": bias,
    "film": film,
    "masks": masks,
    "writer": writer,
    "penalties": penalties,
    "race": race,
    "moved": moved,
    "player": player,
    "drawn": drawn,
    "spoken": spoken,
}


BLANK = """[...document.querySelectorAll('[data-deepbook-live]')].flatMap((host) =>
  [...host.shadowRoot.querySelectorAll('canvas:not([aria-label])')]).length"""


class Window:
    """A browser window with figures on a page, that writes down what goes wrong in it."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.trouble = []
        self.html = ""
        self.context.route("**/*", self._serve)
        self.page = self.context.new_page()
        self.page.on("console", lambda m: m.type == "error" and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def _serve(self, route):
        if route.request.url == ADDRESS:
            route.fulfill(body=self.html, content_type="text/html; charset=utf-8")
        else:
            self.trouble.append(f"asked for {route.request.url}")
            route.abort()

    def open(self, *figures, between="", ready=True):
        shown = [one if isinstance(one, str) else one._repr_html_() for one in figures]
        head = '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">'
        self.html = f"{head}<title>T</title><body><main>{between.join(shown)}</main>"
        self.page.goto(ADDRESS)
        if ready:
            self.page.locator(".card").nth(len(figures) - 1).wait_for()
            # every drawing has its size, and with it its name
            self.page.wait_for_function(BLANK + " === 0")
        return self.page

    def until_trouble(self):
        for _ in range(200):
            if self.trouble:
                break
            self.page.wait_for_timeout(50)


@pytest.fixture
def window(browser):
    opened = []

    def start(**options):
        opened.append(Window(browser, **options))
        return opened[-1]

    yield start
    for each in opened:
        each.context.close()


def running(page, which=0):
    return page.locator(".card").nth(which).get_attribute("data-running") == "true"


def until(page, condition, value):
    page.wait_for_function(f"() => String({condition}) === {value!r}")


RUNNING = "document.querySelector('[data-deepbook-live]').shadowRoot" + (
    "?.querySelector('.card')?.dataset.running"
)


# starting, and not starting


@pytest.mark.parametrize("name", FIGURES)
def test_it_takes_the_place_of_its_picture(window, name):
    reader = window()
    page = reader.open(FIGURES[name]())
    assert not page.locator("img").is_visible()
    assert page.get_by_role("group").get_attribute("aria-label")
    assert reader.trouble == []


@pytest.mark.parametrize("name", FIGURES)
def test_it_works_from_a_file_with_the_network_off(window, name, tmp_path):
    reader = window(offline=True)
    reader.context.unroute_all()
    (tmp_path / "page.html").write_text(FIGURES[name]()._repr_html_())
    reader.page.goto((tmp_path / "page.html").as_uri())
    reader.page.locator(".card").wait_for()
    assert reader.trouble == []


def test_without_scripts_the_picture_stands_there(window):
    page = window(java_script_enabled=False).open(dream(), ready=False)
    picture = page.get_by_role("img", name="A line that rises.")
    assert picture.is_visible()
    assert picture.evaluate("(image) => image.naturalWidth") > 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("export function create", "throw Error('planted');\nexport function create"),
        ("export function create", "this is no JavaScript"),
        (
            "export function create",
            "export function create(f) { f.nothing(); }\nfunction x",
        ),
        ('"base64": "', '"base64": "?'),
    ],
    ids=["a throw", "a fault of grammar", "a throw while building", "damaged data"],
)
def test_a_fault_at_the_start_leaves_the_picture(window, old, new):
    reader = window()
    html = bias()._repr_html_()
    assert old in html
    page = reader.open(html.replace(old, new), ready=False)
    reader.until_trouble()
    assert page.get_by_role("img", name="A line that rises.").is_visible()
    assert len(reader.trouble) == 1


def test_a_fault_later_on_brings_the_picture_back(window):
    reader = window()
    html = bias()._repr_html_()
    assert "strength = value;" in html
    page = reader.open(html.replace("strength = value;", "throw Error('planted');"))
    page.get_by_label("All weights").press("ArrowRight")
    assert page.get_by_role("img", name="A line that rises.").is_visible()
    assert page.locator(".card").count() == 0
    assert len(reader.trouble) == 1


def test_a_fault_in_the_clock_stops_it_and_brings_the_picture_back(window):
    reader = window()
    html = walker()._repr_html_()
    broken = html.replace("    steps++;\n", "    if (++steps > 5) throw Error('x');\n")
    assert broken != html
    page = reader.open(broken, ready=False)
    reader.until_trouble()
    assert page.get_by_role("img", name="A line that rises.").is_visible()
    page.wait_for_timeout(300)
    assert len(reader.trouble) == 1


def test_a_notebook_that_inserts_it_as_jupyterlab_does_gets_it_running(window):
    reader = window()
    page = reader.open("<p>A notebook</p>", ready=False)
    # JupyterLab puts the HTML in place, and then a copy in place of each script
    page.evaluate(
        """(html) => {
          const output = document.createElement("div");
          output.innerHTML = html;
          for (const script of output.querySelectorAll("script")) {
            const copy = document.createElement("script");
            for (const { name, value } of script.attributes) copy.setAttribute(name, value);
            copy.textContent = script.textContent;
            script.replaceWith(copy);
          }
          document.body.append(output);
        }""",
        dream()._repr_html_(),
    )
    page.locator(".card").wait_for()
    assert reader.trouble == []


# figures beside each other


def test_two_of_a_kind_do_not_know_of_each_other(window):
    reader = window(viewport={"width": 1000, "height": 1400})
    page = reader.open(film(), film())
    first, second = page.get_by_role("group").all()
    first.get_by_role("radiogroup", name="Alien").get_by_label("5 stars").check()
    second.get_by_role("radiogroup", name="Alien").get_by_label("2 stars").check()
    assert first.get_by_role("radiogroup", name="Alien").get_by_label("5 stars").is_checked()
    assert "your 1 rating," in first.get_by_role("status").inner_text()
    assert first.get_by_role("list").inner_text() != second.get_by_role("list").inner_text()


def test_one_stops_and_the_other_goes_on(window):
    page = window(viewport={"width": 1000, "height": 2000}).open(walker(), walker())
    until(page, RUNNING, "true")
    page.get_by_role("button", name="Pause").first.click()
    until(page, RUNNING, "false")
    page.locator(".card[data-running=true]").wait_for()
    assert page.locator(".card").count() == 2


def test_it_leaves_no_global_name(window):
    reader = window()
    page = reader.open("<p>Nothing</p>", ready=False)
    before = page.evaluate("Object.getOwnPropertyNames(window)")
    page = reader.open(*(make() for make in FIGURES.values()))
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) <= set(before)


# motion


def test_it_runs_only_while_it_is_in_sight(window):
    page = window(viewport={"width": 1000, "height": 700}).open(
        walker(), "<div style='height: 4000px'></div>", ready=False
    )
    until(page, RUNNING, "true")
    page.evaluate("window.scrollTo(0, 3000)")
    until(page, RUNNING, "false")
    steps = page.locator(".card > .quiet").inner_text()
    page.wait_for_timeout(300)
    assert page.locator(".card > .quiet").inner_text() == steps
    page.evaluate("window.scrollTo(0, 0)")
    until(page, RUNNING, "true")


def test_little_motion_means_single_steps(window):
    page = window(reduced_motion="reduce").open(walker())
    page.wait_for_timeout(300)
    assert not running(page)
    assert page.get_by_role("button", name="Run").is_disabled()
    assert page.locator(".card > .quiet").inner_text().startswith("0 steps")
    page.get_by_role("button", name="One step").press("Enter")
    assert page.locator(".card > .quiet").inner_text().startswith("1 step")


def test_a_reader_who_turns_motion_off_stops_it(window):
    page = window().open(walker())
    until(page, RUNNING, "true")
    page.emulate_media(reduced_motion="reduce")
    until(page, RUNNING, "false")


def test_pause_and_run_by_keyboard(window):
    page = window().open(walker())
    until(page, RUNNING, "true")
    page.get_by_role("button", name="Pause").press("Enter")
    assert not running(page)
    page.get_by_role("button", name="Run").press("Space")
    assert running(page)


# the dream


def held(page):
    text = page.get_by_role("status").inner_text()
    return int(re.search(r"hold (\d+|no) ", text)[1].replace("no", "0"))


@pytest.mark.parametrize("hand", ["mouse", "finger"])
def test_what_is_drawn_is_held(window, hand):
    page = window(**(PHONE if hand == "finger" else {})).open(dream())
    page.get_by_role("button", name="White paper").click()
    assert held(page) == 0
    box = page.get_by_role("application").bounding_box()
    middle = (box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.45)
    if hand == "finger":
        page.touchscreen.tap(*middle)
        assert held(page) == 1
        return
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + box["width"] / 4, middle[1])
    page.mouse.up()
    page.mouse.move(*middle)
    assert held(page) == 3


def test_the_keyboard_draws_and_says_where(window):
    page = window(reduced_motion="reduce").open(dream())
    page.get_by_role("button", name="White paper").press("Enter")
    drawing = page.get_by_role("application")
    drawing.focus()
    page.keyboard.press("ArrowUp")
    assert page.get_by_role("status").inner_text() == "Row 4, column 5: free."
    page.keyboard.press("Space")
    assert page.get_by_role("status").inner_text() == "Row 4, column 5: held as ink."
    page.keyboard.press("Shift+ArrowLeft")
    assert page.get_by_role("status").inner_text() == "Row 4, column 4: held as ink."
    page.get_by_label("let go").check()
    drawing.press("Space")
    assert page.get_by_role("status").inner_text() == "Row 4, column 4: free."


def test_what_is_let_go_stays_as_it_is_until_the_next_step(window):
    page = window(reduced_motion="reduce").open(dream())
    page.get_by_role("button", name="White paper").click()
    page.get_by_label("what was drawn").check()
    drawing = page.get_by_role("application")
    drawing.press("Space")  # ink in row 5, column 5 of 8
    page.get_by_label("let go").check()
    drawing.press("Space")
    pixel = "c.getContext('2d').getImageData(c.width * 4.5 / 8, c.height * 4.5 / 8, 1, 1)"
    red = drawing.evaluate(f"(c) => {pixel}.data[0]")
    assert page.get_by_role("status").inner_text() == "Row 5, column 5: free."
    assert red < 100


def test_a_dream_leaves_what_is_held_and_changes_the_rest(window):
    page = window(reduced_motion="reduce").open(dream())
    assert held(page) == 32
    ink = "(canvas) => [0, 1].map((half) => Array.from(canvas.getContext('2d').getImageData(" + (
        "4, 4 + half * canvas.height / 2, canvas.width - 8, canvas.height / 2 - 8).data).join())"
    )
    drawing = page.get_by_role("application")
    before = drawing.evaluate(ink)
    for _ in range(3):
        page.get_by_role("button", name="One step").click()
    after = drawing.evaluate(ink)
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_halves_are_held_and_let_go(window):
    page = window(reduced_motion="reduce").open(dream())
    for name, count in {"Left half": 32, "None": 0, "Top half": 32}.items():
        page.get_by_role("button", name=name).click()
        assert held(page) == count


# the walkers


def test_walkers_begin_again(window):
    page = window(reduced_motion="reduce").open(walker())
    for _ in range(3):
        page.get_by_role("button", name="One step").click()
    line = page.locator(".card > .quiet")
    assert line.inner_text().startswith("3 steps")
    page.get_by_role("button", name="Start again").click()
    assert line.inner_text().startswith("0 steps")


def test_tempering_crosses_more_often_than_a_walker_alone(window):
    page = window().open(walker())
    page.get_by_label("Steps a second").fill("10")
    number = "document.querySelector('[data-deepbook-live]').shadowRoot.textContent"
    page.wait_for_function(f"() => Number({number}.match(/(\\d+) steps\\./)[1]) > 1500")
    labels = [c.get_attribute("aria-label") for c in page.locator("canvas").all()[1:]]
    alone, tempered = (int(re.search(r"(\d+) crossings", label)[1]) for label in labels)
    assert tempered > alone


# the bias


def test_the_slider_says_how_far_cd_is_off(window):
    page = window().open(bias())
    machine = bias_machine().double()
    visible = DATA.double()

    def flat(gradient):
        return torch.cat([g.flatten() for g in gradient.values()])

    # after many steps the chain has forgotten where it began
    truth = flat(expected_cd_gradient(machine, visible, 5000))
    slider = page.get_by_label("Steps k")
    for steps in (1, 2, 3):
        error = flat(expected_cd_gradient(machine, visible, steps)) - truth
        share = 100 * float(error.norm() / truth.norm())
        text = page.get_by_role("status").inner_text()
        assert text.startswith(f"CD-{steps} is off by ")
        assert float(re.search(r"by ([\d.]+)%", text)[1]) == pytest.approx(share, rel=0.05)
        assert slider.get_attribute("aria-valuetext") == str(steps)
        slider.press("ArrowRight")


def test_stronger_weights_mean_more_bias(window):
    page = window().open(bias())

    def off():
        return float(re.search(r"by ([\d.]+)%", page.get_by_role("status").inner_text())[1])

    before = off()
    page.get_by_label("All weights").press("End")
    assert off() > before


# the films


def recommended(page):
    return [line.split("\n")[0] for line in page.get_by_role("listitem").all_inner_texts()]


def test_ratings_change_what_is_recommended_as_torch_says(window):
    reader = window()
    page = reader.open(film())
    machine = film_machine().double()

    def order(ratings):
        answers = torch.tensor([ratings.get(i, -1) for i in range(len(FILMS))])
        unrated = torch.tensor([i for i in range(len(FILMS)) if i not in ratings])
        visible = machine.encode(answers)[None]
        stars = machine.predictive(visible, unrated) @ torch.arange(1.0, 6, dtype=torch.float64)
        return [FILMS[i] for i in unrated[stars.argsort(descending=True)]]

    page.get_by_role("radiogroup", name="Dune").get_by_label("5 stars").check()
    page.get_by_role("radiogroup", name="Alien").get_by_label("1 stars").press("Space")
    assert recommended(page) == order({3: 4, 0: 0})
    page.get_by_role("radiogroup", name="Alien").get_by_label("not rated").check()
    assert recommended(page) == order({3: 4})
    assert "your 1 rating, which stay" in page.get_by_role("status").inner_text()
    assert reader.trouble == []  # a request would be trouble


def test_a_film_is_found_by_a_part_of_its_title(window):
    page = window().open(film())
    page.get_by_label("Find a film").fill("farg")
    assert page.get_by_role("radiogroup").count() == 1
    page.get_by_label("Find a film").fill("<b>")
    assert "No film here is called “<b>”." in page.locator(".films").inner_text()


def test_other_films_come_and_rated_ones_stay(window):
    page = window().open(film())
    names = "(list) => [...list.children].map((one) => one.getAttribute('aria-label'))"
    page.get_by_role("radiogroup", name="Alien").get_by_label("4 stars").check()
    page.get_by_role("button", name="Other films").click()
    shown = page.locator(".films").evaluate(names)
    assert shown[0] == FILMS[0]
    assert shown[1] == FILMS[1]  # six others, and six are listed
    page.get_by_role("button", name="Forget my ratings").click()
    assert page.get_by_role("status").inner_text().startswith("You have rated nothing")


# a text letter by letter


def written_chances(text, temperature):
    """What torch says of the next letter, in per cent, the likeliest first."""
    network = writer_network().double()
    hidden, _ = network.recurrent(
        network.embedding(torch.tensor([[LETTERS.index(letter) for letter in text]]))
    )
    logits = (3 * network.output.weight @ hidden[0, -1] + network.output.bias).detach()
    p = (logits / temperature).softmax(0)
    names = {" ": "space", "\n": "new line"}
    return [(names.get(LETTERS[i], LETTERS[i]), 100 * p[i].item()) for i in p.argsort().flip(0)[:8]]


def offered(page):
    buttons = page.get_by_role("button", name=re.compile("^Write ")).all()
    labels = [button.get_attribute("aria-label") for button in buttons]
    found = [re.fullmatch(r"Write (.+), (.+)%", label).groups() for label in labels]
    return [(name, float(share)) for name, share in found]


def check_chances(page, text, temperature):
    expected = written_chances(text, temperature)
    for (name, share), (letter, chance) in zip(offered(page), expected, strict=True):
        assert name == letter
        assert share == pytest.approx(chance, abs=0.51)


def test_a_letter_that_is_chosen_is_written_and_changes_what_may_come(window):
    page = window().open(writer())
    check_chances(page, "ab", 0.7)
    page.get_by_role("button", name="Write c,").click()
    text = page.get_by_role("img", name="The text so far ends: abc")
    assert text.inner_text() == "abc"
    check_chances(page, "abc", 0.7)
    page.get_by_role("button", name="Start again").press("Enter")
    check_chances(page, "ab", 0.7)


def test_the_dial_for_the_temperature_changes_the_chances(window):
    page = window().open(writer())
    dial = page.get_by_role("slider", name="Temperature")
    dial.fill("2")
    check_chances(page, "ab", 2)
    dial.fill("0")
    assert dial.get_attribute("aria-valuetext") == "0, the likeliest letter"
    best = offered(page)[0]
    assert best == (written_chances("ab", 1)[0][0], 100)
    page.get_by_role("button", name="One step").click()
    written = page.get_by_role("img", name="The text so far ends").inner_text()
    assert written.replace("\u21b5", "").startswith("ab")
    assert len(written) >= 3


# the dropout masks


def column(page, number):
    """The percentages that stand in a column of the table, counted from 1."""
    cells = page.locator(f"tbody td:nth-child({number + 1})")
    return [float(text.removesuffix("%")) for text in cells.all_inner_texts()]


def unit_states(page):
    switches = page.get_by_role("button", name="Hidden unit").all()
    return [one.get_attribute("aria-pressed") == "true" for one in switches]


def thinned_answer(stay, example=0):
    """What torch says with these units, in per cent."""
    weight, bias, above, above_bias = (part.double() for part in mask_network())
    units = (weight @ MASK_EXAMPLES[example].flatten().double() + bias).relu()
    logits = above @ (2 * units * torch.tensor(stay)) + above_bias
    return (100 * logits.softmax(0)).tolist()


@pytest.mark.parametrize("hand", ["mouse", "finger", "Space", "Enter"])
def test_a_switch_turns_its_unit_off_and_on(window, hand):
    page = window(**(PHONE if hand == "finger" else {})).open(masks())
    page.get_by_role("button", name="All units").click()
    assert unit_states(page) == [True] * 12
    whole = column(page, 1)
    assert whole != column(page, 2)  # twice the hidden units of weight scaling
    others = [column(page, n) for n in (2, 3, 4)]
    switch = page.get_by_role("button", name=re.compile(r"^Hidden unit 3,"))
    for on in (False, True):
        if hand == "mouse":
            switch.click()
        elif hand == "finger":
            switch.tap()
        else:
            switch.press(hand)
        stay = [True, True, on, *[True] * 9]
        assert unit_states(page) == stay
        assert column(page, 1) == pytest.approx(thinned_answer(stay), abs=0.51)
        assert ("off" in switch.inner_text()) is not on  # not by colour alone
        count = 12 if on else 11
        assert f"{count} of 12 units" in page.get_by_role("status").inner_text()
    assert [column(page, n) for n in (2, 3, 4)] == others


def test_weight_scaling_is_the_geometric_mean_and_another_picture_another_answer(window):
    page = window().open(masks())
    before = column(page, 2)
    page.get_by_label("7, picture 3 of 3").check()
    assert column(page, 2) != before
    assert column(page, 2) == column(page, 3)
    assert column(page, 3) != column(page, 4)
    assert "read the 7 right" in page.get_by_role("status").inner_text()
    assert page.get_by_role("row", name="7 (true)").count() == 1
    stay = unit_states(page)
    assert column(page, 1) == pytest.approx(thinned_answer(stay, example=2), abs=0.51)


def test_a_mask_is_drawn(window):
    page = window().open(masks())
    seen = set()
    for _ in range(5):
        page.get_by_role("button", name="Draw a mask").press("Enter")
        stay = unit_states(page)
        assert column(page, 1) == pytest.approx(thinned_answer(stay), abs=0.51)
        seen.add(tuple(stay))
    assert len(seen) > 1


# the penalties


def minima(page):
    """Where the loss alone is smallest, and where the loss with the penalty is, in words."""
    text = page.get_by_role("status").inner_text()
    return [tuple(map(float, place.split(", "))) for place in re.findall(r"at \((.*?)\)", text)]


def test_the_minimum_lands_where_torch_says(window):
    page = window().open(penalties())
    best = torch.tensor([30.0, 20.0])
    hessian = torch.tensor([[1.0, 0.4], [0.4, 1.0]])
    page.get_by_label("L 2").check()
    alpha = 0.5 / (1 - 0.5)
    expected = l2_minimum(hessian, best, alpha).tolist()
    assert minima(page) == [(30.0, 20.0), pytest.approx(expected, abs=0.051)]
    page.get_by_label("L 1", exact=True).check()
    page.get_by_role("slider", name="Strength").fill("0.9")
    assert minima(page)[1][1] == 0
    assert page.get_by_role("status").inner_text().endswith("Exactly zero: second.")


@pytest.mark.parametrize("hand", ["mouse", "finger"])
def test_the_minimum_of_the_loss_is_dragged(window, hand):
    page = window(**(PHONE if hand == "finger" else {})).open(penalties())
    box = page.get_by_role("application").bounding_box()
    # the plane reaches from -45 to 45: a third of the way to the left edge, on the axis
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    if hand == "finger":
        page.touchscreen.tap(x, y)
    else:
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3)
        page.mouse.down()
        page.mouse.move(x, y)
        page.mouse.up()
        page.mouse.move(box["x"] + 5, box["y"] + 5)
    assert minima(page)[0] == pytest.approx((-15, 0), abs=0.5)
    page.get_by_role("button", name="As in the data").click()
    assert minima(page)[0] == (30, 20)


def test_the_arrow_keys_move_the_minimum_of_the_loss(window):
    page = window().open(penalties())
    plane = page.get_by_role("application")
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):
        plane.press(key)
    # a twentieth of 45 a key
    assert minima(page)[0] == pytest.approx((25.5, 22.25), abs=0.051)
    for _ in range(30):
        plane.press("ArrowUp")
    assert minima(page)[0][1] == 45
    assert "Drag the cross" in plane.get_attribute("aria-label")


def test_correlated_inputs_and_back_to_the_data(window):
    page = window().open(penalties())
    before = minima(page)
    page.get_by_role("slider", name="Correlation").fill("-0.9")
    assert minima(page)[1] != before[1]
    page.get_by_role("button", name="As in the data").press("Enter")
    assert minima(page) == before
    assert page.get_by_role("slider", name="Correlation").input_value() == "0.4"


# the race


def told(page):
    return page.get_by_role("status").inner_text()


def ravine_after(steps, kind, rate, start=(-1.8, 0.6), **more):
    point = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = kind([point], lr=rate, **more)
    for _ in range(steps):
        optimizer.zero_grad()
        LANDSCAPES["ravine"](point).backward()
        optimizer.step()
    return LANDSCAPES["ravine"](point).item()


def test_after_a_hundred_steps_the_balls_are_as_low_as_in_torch(window):
    page = window(reduced_motion="reduce").open(race())
    assert told(page).startswith("After 0 steps from (-1.8, 0.6): descent 19.6, Adam 19.6.")
    page.get_by_role("button", name="100 steps").click()
    heights = re.findall(r"(?:descent|Adam) (\d[\d.e-]*\d|\d)", told(page))
    expected = [
        ravine_after(100, torch.optim.SGD, 0.01),
        ravine_after(100, torch.optim.Adam, 0.1),
    ]
    # two digits are told, where a height is written with a power of ten
    assert [float(height) for height in heights] == pytest.approx(expected, rel=0.05)


def test_who_races_is_switched_by_mouse_and_key(window):
    page = window(reduced_motion="reduce").open(race())
    momentum = page.get_by_role("button", name="momentum")
    assert momentum.get_attribute("aria-pressed") == "false"
    momentum.click()
    assert "momentum 19.6" in told(page)
    for name in ("descent", "Adam", "momentum"):
        page.get_by_role("button", name=name).press("Space")
    assert told(page).startswith("Nobody races")
    page.get_by_role("button", name="One step").click()


@pytest.mark.parametrize("hand", ["mouse", "finger"])
def test_a_race_starts_where_one_points(window, hand):
    page = window(**(PHONE if hand == "finger" else {}), reduced_motion="reduce").open(race())
    page.get_by_role("button", name="100 steps").click()
    box = page.get_by_role("application").bounding_box()
    place = (box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    if hand == "finger":
        page.touchscreen.tap(*place)
    else:
        page.mouse.click(*place)
    x, y = map(float, re.search(r"After 0 steps from \((.*?), (.*?)\)", told(page)).groups())
    assert (x, y) == pytest.approx((1, 0.5), abs=0.03)


def test_the_arrow_keys_move_the_start_and_stop_at_the_edge(window):
    page = window(reduced_motion="reduce").open(race())
    plane = page.get_by_role("application")
    plane.press("ArrowRight")
    plane.press("ArrowDown")
    assert "from (-1.7, 0.55)" in told(page)
    for _ in range(5):
        plane.press("ArrowLeft")
    assert "from (-2, 0.55)" in told(page)


def test_a_rate_beyond_the_critical_one_throws_the_ball_off_the_map(window):
    page = window(reduced_motion="reduce").open(race())
    slider = page.get_by_role("slider", name="Rate of descent")
    slider.fill("-1.5")  # .032, where 2 / 100 is critical
    page.get_by_role("button", name="100 steps").click()
    assert "descent left the map" in told(page)
    slider.fill("-2")
    page.get_by_role("button", name="100 steps").click()
    assert "left the map" not in told(page)


def test_another_surface_brings_its_own_start_and_rates(window):
    page = window(reduced_motion="reduce").open(race())
    page.get_by_role("slider", name="Rate of Adam").fill("0")
    page.get_by_label("plane").check()
    assert told(page).startswith("After 0 steps from (0.5, 1.5)")
    assert page.get_by_role("slider", name="Rate of Adam").input_value() == "-1"
    page.get_by_role("button", name="100 steps").click()
    assert told(page).startswith("After 100 steps")


def test_the_race_runs_and_pauses(window):
    page = window().open(race())
    assert not running(page)
    page.get_by_role("button", name="Run").click()
    until(page, RUNNING, "true")
    page.wait_for_timeout(400)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="One step").click()
    assert int(re.search(r"After (\d+) steps", told(page))[1]) > 2


# the moved digit


def answers(page):
    """What the two networks read, and whether they are right."""
    text = page.get_by_role("status").inner_text()
    return re.findall(r"reads (\d) \(\d+%, (right|wrong)\)", text)


def test_both_networks_read_what_is_shown(window):
    page = window().open(moved())
    # the second network is the first one with the opposite weights, so it takes any other class
    assert answers(page) == [("4", "right"), ("0", "wrong")]
    page.get_by_role("radiogroup", name="Digit").get_by_label("7").first.check()
    assert answers(page)[0] == ("7", "right")
    label = page.get_by_role("img", name="Probabilities of the ten classes").get_attribute(
        "aria-label"
    )
    assert "The network without augmentation reads 7 (100%, right)." in label


@pytest.mark.parametrize("hand", ["mouse", "finger"])
def test_a_slider_moves_the_digit_by_hand(window, hand):
    page = window(**(PHONE if hand == "finger" else {})).open(moved())
    slider = page.get_by_role("slider", name="Shift right")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    place = (box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    if hand == "finger":
        page.touchscreen.tap(*place)
    else:
        page.mouse.move(box["x"] + box["width"] / 2, place[1])
        page.mouse.down()
        page.mouse.move(*place)
        page.mouse.up()
    assert float(slider.input_value()) > 6
    # eight pixels to the right the bar stands in the other half
    assert answers(page)[0] == ("7", "wrong")
    assert slider.get_attribute("aria-valuetext").startswith("+")


def test_the_keyboard_turns_the_digit_and_straightens_it(window):
    page = window().open(moved())
    page.get_by_role("radiogroup", name="Digit").get_by_label("7").last.check()
    ink = "(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).join()"
    digit = page.get_by_role("img", name="A 7, moved")
    before = digit.evaluate(ink)
    turn = page.get_by_role("slider", name="Turn")
    turn.press("ArrowRight")
    assert turn.get_attribute("aria-valuetext") == "+1°"
    assert digit.evaluate(ink) != before
    # anticlockwise, what stood above the middle lies left of it; the other way, right
    turn.press("End")
    assert "Turn +90°" in digit.get_attribute("aria-label")
    assert answers(page)[0] == ("4", "wrong")
    turn.press("Home")
    assert answers(page)[0] == ("7", "right")
    for name in ("Slant", "Size", "Shift down"):
        page.get_by_role("slider", name=name).press("End")
    page.get_by_role("button", name="As it was written").press("Enter")
    assert digit.evaluate(ink) == before
    assert [s.input_value() for s in page.get_by_role("slider").all()] == ["0", "0", "1", "0", "0"]


# the drawn digit


def said(page):
    return page.get_by_role("status").inner_text()


def draw(page, *places):
    """One stroke by mouse; places are shares of the pad, down and to the right."""
    box = page.get_by_role("application").bounding_box()
    points = [(box["x"] + c * box["width"], box["y"] + r * box["height"]) for r, c in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def test_a_drawn_digit_is_read_wherever_it_stands(window):
    page = window().open(drawn())
    assert said(page) == "You see a 4 of MNIST. The network reads 4 (100%, right)."
    for place in (0.2, 0.8):
        page.get_by_role("button", name="Clear").click()
        assert said(page) == "Nothing is drawn yet."
        draw(page, (0.1, place), (0.5, place))
        assert re.fullmatch(r"You see your digit\. The network reads 1 \(\d+%\)\.", said(page))
    assert page.get_by_role("radio", checked=True).count() == 0
    # a second stroke belongs to the same digit: the whole is broad now
    draw(page, (0.3, 0.1), (0.3, 0.95))
    assert "reads 1" not in said(page)


def test_a_pointer_that_is_up_draws_nothing(window):
    page = window().open(drawn())
    draw(page, (0.1, 0.2), (0.8, 0.2))
    box = page.get_by_role("application").bounding_box()
    ink = "(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).join()"
    pad = page.get_by_role("application")
    before = pad.evaluate(ink)
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    assert pad.evaluate(ink) == before


def test_a_finger_draws_and_the_page_stands_still(window):
    page = window(**PHONE).open(drawn())
    pad = page.get_by_role("application")
    box = pad.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert said(page).startswith("You see your digit.")
    assert pad.evaluate("(c) => getComputedStyle(c).touchAction") == "none"


@pytest.mark.parametrize("way", ["keys", "buttons"])
def test_a_chosen_digit_is_shifted_without_a_mouse(window, way):
    page = window().open(drawn())
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    assert said(page) == "You see a 7 of MNIST. The network reads 7 (100%, right)."
    pad = page.get_by_role("application")

    def press(name):
        if way == "keys":
            pad.press(f"Arrow{name}")
        else:
            page.get_by_role("button", name=name, exact=True).press("Enter")

    for _ in range(13):
        press("Left")
    press("Up")
    text = "You see a 7 of MNIST, shifted 1 up and 13 left. The network reads 4 (100%, wrong)."
    assert said(page) == text
    seen = page.get_by_role("img", name="What the network sees")
    assert seen.get_attribute("aria-label").endswith("a 7 of MNIST, shifted 1 up and 13 left.")
    assert "reads 4" in page.get_by_role("img", name="Probabilities").get_attribute("aria-label")
    # beyond half of the picture it goes no further
    for _ in range(3):
        press("Left")
    assert "14 left" in said(page)
    page.get_by_role("radio").first.check()
    assert said(page) == "You see a 4 of MNIST. The network reads 4 (100%, right)."


def test_the_maps_of_each_stage_have_their_size_and_change_with_the_digit(window):
    page = window().open(drawn())
    maps = page.get_by_role("img", name="What the stages give out")
    assert "1 maps of 14 by 14 pixels" in maps.get_attribute("aria-label")
    ink = "(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).join()"
    before = maps.evaluate(ink)
    page.get_by_role("application").press("ArrowDown")
    page.get_by_role("application").press("ArrowDown")
    assert maps.evaluate(ink) != before


# for every reader


POOR_CONTRAST = """(card) => {
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
  };
  const poor = [];
  const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const pair = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push(`${walker.currentNode.data}: ${ratio}`);
  }
  return poor;
}"""


# tunes

STARTED = """() => { window.started = 0;
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    window.started += 1; window.samples = this.buffer.length; return start.apply(this, when);
  }; }"""


def test_a_tune_sounds_only_when_it_is_asked_for(window):
    page = window().open(player())
    page.evaluate(STARTED)
    status = page.get_by_role("status")
    page.get_by_role("radio", name="long").check()
    assert page.evaluate("window.started") == 0
    page.get_by_role("button", name="Play").click()
    assert "Playing long" in status.text_content()
    # nine bars of six eighths, each whole note of 1.8 seconds
    assert page.evaluate("[window.started, window.samples]") == [1, round(22050 * 1.8 * 9 * 0.75)]
    assert page.get_by_role("button", name="Follow silently").is_disabled()
    page.get_by_role("button", name="Stop").click()
    assert status.text_content() == "Stopped."
    assert page.get_by_role("button", name="Play").is_enabled()


def test_without_sound_the_notes_are_followed_to_the_end(window):
    page = window().open(player())
    page.evaluate(STARTED)
    drawing = page.locator("canvas")
    before = drawing.screenshot()
    page.get_by_role("button", name="Follow silently").press("Enter")
    assert "Following short" in page.get_by_role("status").text_content()
    page.wait_for_timeout(100)
    assert drawing.screenshot() != before  # a note is marked
    page.get_by_text("The tune is over.").wait_for()
    assert drawing.screenshot() == before
    assert page.evaluate("window.started") == 0


def test_another_tune_stops_the_one_that_plays(window):
    page = window().open(player())
    page.get_by_role("button", name="Follow silently").click()
    page.get_by_role("radio", name="long").check()
    assert page.get_by_role("button", name="Follow silently").is_enabled()
    assert "long, in 6/8, 9 bars" in page.locator("canvas").get_attribute("aria-label")


def test_a_tune_stops_when_it_is_out_of_sight(window):
    page = window().open(player(), between="", ready=True)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=\"height:3000px\">')")
    page.get_by_role("button", name="Follow silently").click()
    page.evaluate("window.scrollTo(0, 2500)")
    page.get_by_text("Stopped.").wait_for(state="attached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_it_is_a_light_card_whose_text_has_contrast(window, name, scheme):
    page = window(color_scheme=scheme, reduced_motion="reduce").open(FIGURES[name]())
    card = page.locator(".card")
    assert card.evaluate("(c) => getComputedStyle(c).backgroundColor") == "rgb(252, 251, 248)"
    assert card.evaluate("(c) => getComputedStyle(c).color") == "rgb(26, 26, 26)"
    assert card.evaluate(POOR_CONTRAST) == []


@pytest.mark.parametrize("name", FIGURES)
def test_it_fits_a_phone_and_fingers_can_hit_it(window, name):
    page = window(**PHONE).open(FIGURES[name]())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator("button, label:has(input[type=radio])").all():
        box = button.bounding_box()
        assert box["height"] >= 44, button.inner_text()
        assert box["width"] >= 38, button.inner_text()


@pytest.mark.parametrize(
    "name", ["dream", "walker", "bias", "masks", "penalties", "race", "moved", "drawn"]
)
def test_drawings_are_sharp_on_dense_screens(window, name):
    page = window(**PHONE).open(FIGURES[name]())
    for canvas in page.locator("canvas").all():
        width, shown = canvas.evaluate("(c) => [c.width, c.clientWidth]")
        assert width == pytest.approx(2 * shown, abs=1)


@pytest.mark.parametrize("name", FIGURES)
def test_the_tab_key_reaches_every_control_and_focus_is_seen(window, name):
    page = window().open(FIGURES[name]())
    # a group of radio buttons is one stop
    controls = "button:not(:disabled), input:not([type=radio]), input:checked, [tabindex='0']"
    for _ in range(page.locator(controls).count()):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const element = document.activeElement.shadowRoot.activeElement;
              const { outlineStyle, outlineWidth } = getComputedStyle(element);
              element.dataset.reached = true;
              return `${outlineStyle} ${outlineWidth}`;
            }"""
        )
        assert seen == "solid 3px"
    assert page.locator("[data-reached]").count() == page.locator(controls).count()


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_and_drawing_has_a_name(window, name):
    page = window().open(FIGURES[name]())
    for role in ("button", "slider", "radio", "searchbox", "img", "application", "radiogroup"):
        everything = page.locator(".card").get_by_role(role)
        named = page.locator(".card").get_by_role(role, name=re.compile(r"\S"))
        assert everything.count() == named.count(), role


def test_paper_gets_the_drawings_without_the_controls(window):
    page = window().open(walker())
    page.emulate_media(media="print")
    assert page.locator("canvas").first.is_visible()
    assert not page.get_by_role("button").first.is_visible()


# a word, pronounced


def test_what_is_typed_is_said_at_once(window):
    reader = window()
    page = reader.open(spoken())
    status = page.get_by_role("status")
    assert status.inner_text().startswith("bad: ")
    # capital letters are small ones, and what is no letter of the network is passed over
    page.get_by_label("A word:").fill("Fac-ade!")
    assert status.inner_text().startswith("facade: ")
    assert page.get_by_role("img").get_attribute("aria-label").startswith("Weights of attention.")
    page.get_by_label("A word:").fill("")
    assert "Type a word" in status.inner_text()
    page.get_by_label("A word:").fill("abcdefg" * 5)
    assert reader.trouble == []
