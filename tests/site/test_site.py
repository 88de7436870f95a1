"""What every built page holds and does not hold, read with an HTML parser."""

import gzip
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
import yaml

import deepbook
from bookbuild.extensions.goodfellow import CHAPTERS

ROOT = Path(__file__).parents[2]
# bytes that a page loads: what every page loads, and all of it with its pictures
FRAME_BUDGET = 130_000
PAGE_BUDGET = 1_500_000
# bytes of a page itself, as servers send it: compressed
HTML_BUDGET = 50_000
LOADING = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
}
NOT_LOADED = {"canonical", "index", "search", "next", "prev", "author", "license"}


def loaded_by(page):
    """Addresses of all that the browser fetches for a page, as the page writes them."""
    for name, attribute in LOADING.items():
        for tag in page.soup.find_all(name, attrs={attribute: True}):
            # a small picture of a live figure stands in the page itself
            if not tag[attribute].startswith("data:image/"):
                yield tag[attribute]
    yield from loaded_when_near(page)
    for tag in page.soup.find_all("link", href=True):
        if not NOT_LOADED & set(tag["rel"]):
            yield tag["href"]
    for style in page.soup.find_all("style"):
        yield from urls_in(style.text)
    for tag in page.soup.find_all(style=True):
        yield from urls_in(tag["style"])


def loaded_when_near(page):
    """Addresses of the data of its live figures."""
    return [tag["data-src"] for tag in page.soup.find_all("script", attrs={"data-src": True})]


def urls_in(sheet):
    found = re.findall(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""", sheet)
    return [one or other for one, other in found if not (one or other).startswith("data:")]


def is_elsewhere(address):
    return bool(urlsplit(address).netloc) or address.startswith(("http:", "https:", "//"))


def local_file(page, address):
    return (page.path.parent / unquote(urlsplit(address).path)).resolve()


def test_no_page_loads_anything_from_a_third_party(all_pages):
    elsewhere = {
        f"{page.name}: {address}"
        for page in all_pages
        for address in loaded_by(page)
        if is_elsewhere(address)
    }
    assert not elsewhere


def test_no_sheet_loads_anything_from_a_third_party(site):
    elsewhere = {
        f"{sheet.name}: {address}"
        for sheet in site.rglob("*.css")
        for address in urls_in(sheet.read_text())
        if is_elsewhere(address)
    }
    assert not elsewhere


def test_no_inline_script_names_an_address(all_pages):
    named = {
        f"{page.name}: {script.text[:80]}"
        for page in all_pages
        for script in page.soup.find_all("script", src=False)
        if "http" in script.text
    }
    assert not named


@pytest.mark.parametrize(
    "unwanted", ["MathJax", "thebe", "require.js", "fontawesome", "bootstrap", "hypothes"]
)
def test_no_page_asks_for_a_script_that_the_book_does_without(all_pages, unwanted):
    asking = {
        page.name
        for page in all_pages
        for tag in page.soup.find_all(["script", "link"])
        if unwanted.lower() in (str(tag.attrs) + tag.text).lower()
    }
    assert not asking


def test_every_picture_says_what_is_to_be_seen(all_pages):
    silent = [
        f"{page.name}: {image['src']}"
        for page in all_pages
        for image in page.soup.find_all("img")
        if not describes(image.get("alt", ""), picture_file(image))
    ]
    assert not silent


def picture_file(image):
    """Of a picture that stands in the page itself, no name that could stand for its description."""
    inlined = image["src"].startswith("data:")
    return Path("inlined.picture" if inlined else image["src"])


def describes(text, file):
    return len(text.split()) > 1 and file.stem not in text and not text.endswith(file.suffix)


def test_every_page_has_one_search_field(pages):
    fields = {page.name: len(page.soup.select("input[type=search]")) for page in pages}
    assert {name: count for name, count in fields.items() if count != 1} == {}


def test_every_internal_link_leads_somewhere(site, all_pages):
    by_path = {page.path.resolve(): page for page in all_pages}
    anchors = {
        path: {tag["id"] for tag in page.soup.find_all(id=True)} for path, page in by_path.items()
    }
    broken = []
    for page in all_pages:
        for tag in page.soup.find_all(["a", "area"], href=True):
            address, anchor = urldefrag(tag["href"])
            if is_elsewhere(address) or urlsplit(address).scheme:
                continue
            goal = local_file(page, address) if address else page.path.resolve()
            known = goal in anchors
            if not goal.is_file() or (known and anchor and unquote(anchor) not in anchors[goal]):
                broken.append(f"{page.name}: {tag['href']}")
    assert not broken


def test_every_file_that_a_page_loads_is_there(all_pages):
    missing = {
        f"{page.name}: {address}"
        for page in all_pages
        for address in loaded_by(page)
        if not local_file(page, address).is_file()
    }
    assert not missing


def test_a_button_for_the_contents_stands_where_there_are_contents(pages):
    idle = [
        page.name
        for page in pages
        if bool(page.soup.select(".secondary-toggle"))
        != bool(page.soup.select("#pst-page-toc-nav"))
    ]
    assert not idle


def test_every_picture_and_all_data_of_the_site_stand_on_a_page(site, all_pages):
    shown = {
        local_file(page, address)
        for page in all_pages
        for address in [
            *(image["src"] for image in page.soup.find_all("img")),
            *loaded_when_near(page),
        ]
        if not address.startswith("data:")
    }
    files = [*(site / "_images").iterdir(), *(site / "_static" / "live").iterdir()]
    assert {file.resolve() for file in files} == shown


def test_every_page_keeps_its_weight(pages):
    heavy = []
    for page in pages:
        files = {local_file(page, address) for address in loaded_by(page)}
        files |= {
            (sheet.parent / urlsplit(urljoin("", address)).path).resolve()
            for sheet in files
            if sheet.suffix == ".css"
            for address in urls_in(sheet.read_text())
        }
        # the index that the search page loads grows with the book
        files = {file for file in files if file.name != "searchindex.js"}
        near = {local_file(page, address) for address in loaded_when_near(page)}
        frame = sum(f.stat().st_size for f in files - near if f.suffix in (".css", ".js"))
        whole = page.path.stat().st_size + sum(f.stat().st_size for f in files)
        if frame > FRAME_BUDGET or whole > PAGE_BUDGET:
            heavy.append(f"{page.name}: {frame:,} bytes of sheets and scripts, {whole:,} in all")
    assert not heavy


def test_every_page_itself_is_small(pages):
    sizes = {page.name: len(gzip.compress(page.path.read_bytes(), mtime=0)) for page in pages}
    assert {name: size for name, size in sizes.items() if size > HTML_BUDGET} == {}


def test_every_page_names_edition_commit_and_licences(pages):
    for page in pages:
        footer = " ".join(page.soup.select_one("footer.bd-footer-content").text.split())
        assert f"edition {deepbook.__version__}, commit " in footer, page.name
        assert "Cite as: The authors of Deep Learning, Executed (" in footer, page.name
        assert "BSD 3-Clause" in footer, page.name
        assert "CC BY 4.0" in footer, page.name


def test_citation_file_and_package_agree_on_the_edition():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert str(citation["version"]) == package["version"] == deepbook.__version__


def test_headings_go_down_one_level_at_a_time(pages):
    for page in pages:
        main = page.soup.select_one("main")
        levels = [int(tag.name[1]) for tag in main.find_all(re.compile("^h[1-6]$"))]
        assert levels.count(1) == 1, (page.name, levels)
        steps = zip([0, *levels], levels, strict=False)
        assert all(later <= earlier + 1 for earlier, later in steps), (page.name, levels)


def test_every_page_can_be_found_its_way_through_by_ear(pages):
    for page in pages:
        soup = page.soup
        assert soup.html["lang"] == "en", page.name
        assert soup.title.text.strip(), page.name
        assert len(soup.select("main")) == 1, page.name
        skip = soup.select_one("body a[href]")
        assert skip["href"] == "#main-content", page.name
        assert all(nav.get("aria-label") or nav.get("aria-labelledby") for nav in soup("nav"))


def test_the_address_of_the_site_leads_to_the_first_page(site, all_pages):
    start = next(page for page in all_pages if page.name == "index.html")
    goal = start.soup.select_one("meta[http-equiv=refresh]")["content"].partition("url=")[2]
    assert (site / goal).is_file()


def test_the_landing_page_links_only_chapters_that_exist(pages):
    landing = next(page for page in pages if page.name == "book/index.html")
    chapters = landing.soup.select_one("#eight-chapters ul").find_all("li")
    written = [i for i, item in enumerate(chapters, start=1) if item.find("a")]
    there = [(ROOT / "book" / chapter / "index.md").is_file() for chapter in CHAPTERS]
    assert len(chapters) == len(CHAPTERS)
    assert written == [number for number, is_there in enumerate(there, start=1) if is_there]


def test_every_id_of_a_page_is_given_once(pages):
    for page in pages:
        ids = [element["id"] for element in page.soup.select("[id]")]
        assert sorted(ids) == sorted(set(ids)), page.name


def test_pictures_have_their_sizes_and_load_when_they_are_near(pages):
    for page in pages:
        pictures = [
            picture
            for picture in page.soup.select(".bd-article img")
            if not picture["src"].startswith("data:")
        ]
        for number, picture in enumerate(pictures):
            assert int(picture["width"]) > 0, (page.name, picture)
            assert int(picture["height"]) > 0, (page.name, picture)
            assert (picture.get("loading") == "lazy") is (number > 0), (page.name, picture)


def test_the_mathematics_font_of_the_site_is_small(site):
    (font,) = site.glob("_static/fonts/*.woff2")
    # it is cut from the file in the repository to the signs in use
    (whole,) = (site.parents[1] / "book/_static/fonts").glob("*.woff2")
    assert font.stat().st_size < whole.stat().st_size / 2


def test_no_head_of_a_table_is_empty(pages):
    for page in pages:
        for head in page.soup.select(".bd-article th"):
            assert head.text.strip(), (page.name, head.find_parent("table").text[:80])


def test_the_site_ships_no_file_of_the_theme_that_no_page_loads(site):
    files = [p for p in (site / "_static").rglob("*") if p.parent.name != "live"]
    shipped = {p.name for p in files if p.stat().st_size > 60_000}
    assert {name for name in shipped if not name.endswith((".woff2", ".whl", ".zip"))} == set()
