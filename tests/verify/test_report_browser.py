"""The page in a real browser: it draws formulas, folds, fits a telephone, asks nobody for anything."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.verify.report_sample import page, results
from verify.registry import papers

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install '.[test]'")
from selenium.webdriver.chrome.service import Service  # noqa: E402  # only where there is selenium
from selenium.webdriver.common.keys import Keys  # noqa: E402

ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="needs chromium and chromedriver: apt-get install chromium chromium-driver",
)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)
OVERFLOWING = """
return [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && (box.right > innerWidth + 0.5 || box.left < -0.5)
    && !element.closest('.wide') && !element.closest('.skip') && !element.closest('.of');
}).map(element => element.tagName + '.' + element.className + ' ' + element.textContent.slice(0, 40));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name in papers():
        (folder / f"{name}.html").write_text(page(name))
    return folder


@pytest.fixture(params=papers())
def opened(request: pytest.FixtureRequest, browser: Any, folder: Path) -> Any:
    """A page on a telephone, with all that was logged before forgotten."""
    show(browser, folder / f"{request.param}.html", width=390)
    return browser


def show(browser: Any, file: Path, *, width: int, media: str = "screen", scheme: str = "light") -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())


def test_nothing_goes_wrong_and_nothing_is_asked_for(opened: Any) -> None:
    assert opened.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked == [opened.current_url.split("#")[0]]


def test_a_page_that_did_ask_would_be_caught(browser: Any, tmp_path: Path) -> None:
    """The control: the log does hold requests and errors, and the page's policy does stop them."""
    other = tmp_path / "other.html"
    other.write_text("<!doctype html><title>x</title><img src='missing.png'>")
    show(browser, other, width=390)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert len(asked) == 2 and browser.get_log("browser")
    policed = tmp_path / "policed.html"
    policed.write_text(page("next-token").replace("</main>", "<script>document.title = 'ran'</script></main>"))
    show(browser, policed, width=390)
    assert browser.title != "ran" and "Content Security Policy" in str(browser.get_log("browser"))


def test_every_formula_has_a_box_and_scripts_are_off_the_line(opened: Any) -> None:
    boxes = opened.execute_script(
        "return [...document.querySelectorAll('main :is(math, math *:not(mspace))')].map(e => {"
        " const box = e.getBoundingClientRect(); return [e.tagName, e.textContent, box.width * box.height]; })"
    )
    drawn = [box for box in boxes if box[1]]
    assert len(drawn) > 50 and [box for box in drawn if not box[2] > 0] == []
    raised = opened.execute_script(
        "return [...document.querySelectorAll('main :is(msup, msub)')].map(e => {"
        " const [base, script] = [...e.children].map(c => c.getBoundingClientRect());"
        " return [e.tagName, script.top + script.bottom - base.top - base.bottom, script.left - base.left]; })"
    )
    assert raised
    for kind, below, right in raised:
        assert (below < 0) == (kind == "msup") and right > 0


def test_folds_open_by_mouse_and_by_key(opened: Any) -> None:
    article = opened.find_element("css selector", "article")
    fold = article.find_element("css selector", "details")
    summary, inside = fold.find_element("css selector", "summary"), fold.find_element("css selector", "summary + *")
    assert not inside.is_displayed()
    opened.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", summary)
    summary.click()
    assert inside.is_displayed()
    summary.send_keys(Keys.ENTER)
    assert not inside.is_displayed()
    summary.send_keys(Keys.SPACE)
    assert inside.is_displayed()


def test_the_first_key_leads_past_the_head(opened: Any) -> None:
    opened.find_element("css selector", "body").send_keys(Keys.TAB)
    first = opened.switch_to.active_element
    assert first.get_attribute("class") == "skip"
    assert first.rect["y"] >= 0, "a link that has the focus is seen"
    first.send_keys(Keys.ENTER)
    assert opened.execute_script("return location.hash") == "#claims"


def test_a_box_of_the_graph_leads_to_its_claim(opened: Any) -> None:
    box = opened.find_element("css selector", ".graph a.box:last-of-type")
    target = box.get_dom_attribute("href")
    opened.execute_script("arguments[0].focus()", box)
    assert opened.execute_script("return document.activeElement === arguments[0]", box)
    box.send_keys(Keys.ENTER)
    assert opened.execute_script("return location.hash") == target
    assert opened.execute_script("return document.querySelector(location.hash).tagName") == "ARTICLE"


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("paper", papers())
def test_no_page_is_wider_than_its_screen(browser: Any, folder: Path, paper: str, width: int) -> None:
    show(browser, folder / f"{paper}.html", width=width)
    browser.execute_script("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(OVERFLOWING) == []


def test_letters_of_the_graph_can_be_read_on_a_telephone(opened: Any) -> None:
    heights = opened.execute_script(
        "return [...document.querySelectorAll('.graph .box b')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 9


def test_paper_leaves_out_what_is_folded_and_explains_every_symbol(browser: Any, folder: Path) -> None:
    shown = "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).length"
    show(browser, folder / "sub-n-grams.html", width=794)
    assert browser.execute_script(shown, "details") > 0
    show(browser, folder / "sub-n-grams.html", width=794, media="print")
    for left_out in ("details", "pre.footnote", ".side", ".back"):
        assert browser.execute_script(shown, left_out) == 0, left_out
    assert browser.execute_script(shown, ".glossary dt") > 30
    claims = len(papers()["sub-n-grams"].claims)
    assert browser.execute_script(shown, "article") == browser.execute_script(shown, ".graph .box") == claims


def test_on_paper_a_matrix_stays_in_its_column(browser: Any, tmp_path: Path) -> None:
    """On paper nobody can scroll."""
    wide = [["-35573/99015", "9503/33005", "-47602/99015", "5227/33005", "85069/99015", "-4348/4715"]] * 3
    file = tmp_path / "wide.html"
    file.write_text(page("mean-field", results("mean-field", {"MF6c": {"details": {"counterexample": {"F": wide}}}})))
    show(browser, file, width=695, media="print")  # A4 without its margins
    beyond = (
        "const box = selector => document.querySelector(selector).getBoundingClientRect();"
        " const inner = box('#MF6c .wide math'), outer = box('#MF6c');"
        " return [inner.width, inner.right - outer.right]"
    )
    width, right = browser.execute_script(beyond)
    assert width > 100 and right <= 0


@pytest.mark.parametrize("width", [390, 500, 1280])
def test_the_list_keeps_its_grades(browser: Any, folder: Path, width: int) -> None:
    show(browser, folder / "sub-n-grams.html", width=width)
    grades = browser.execute_script(
        "return [...document.querySelectorAll('.contents .grade a')].map(e => e.getBoundingClientRect().height)"
    )
    assert len(grades) > 30 and min(grades) > 8


def test_a_small_matrix_has_no_scroll_bar(browser: Any, tmp_path: Path) -> None:
    details = {"kernel": [["1/2", "1/2"], ["1/6", "5/6"]], "sum": {"a": 1, "b": 2}, "x": [[1.5]]}
    file = tmp_path / "small.html"
    file.write_text(page("sub-n-grams", results("sub-n-grams", {"SN5": {"details": details}})))
    scrolled = (
        "return [...document.querySelectorAll('#SN5 .wide')].map("
        " e => [e.scrollWidth - e.clientWidth, getComputedStyle(e).overflowY, e.clientHeight])"
    )
    for width in (320, 1280):
        show(browser, file, width=width)
        browser.execute_script("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        found = browser.execute_script(scrolled)
        assert len(found) == 3 and all(x <= 0 and y == "hidden" and height > 10 for x, y, height in found)


@pytest.mark.parametrize("paper", papers())
def test_on_paper_the_graph_stands_on_one_page_with_its_heading(browser: Any, folder: Path, paper: str) -> None:
    """It is not taller than a page, and nothing between the heading and it may end one."""
    show(browser, folder / f"{paper}.html", width=695, media="print")  # A4 without its margins
    found = browser.execute_script(
        "const parts = [...document.querySelector('#graph').parentElement.children].slice(0, 3);"
        " const [first, , last] = parts.map(e => e.getBoundingClientRect());"
        " return [last.bottom - first.top, ...parts.slice(0, 2).map(e => getComputedStyle(e).breakAfter)]"
    )
    assert 100 < found[0] < (297 - 28) / 25.4 * 96 and found[1:] == ["avoid", "avoid"]
    breaks = browser.execute_script(
        "return [...document.querySelectorAll('h3')].map(e => getComputedStyle(e).breakAfter)"
    )
    assert len(breaks) > 3 and set(breaks) == {"avoid"}


@pytest.mark.parametrize("paper", papers())
def test_a_print_has_few_pages(browser: Any, folder: Path, paper: str) -> None:
    show(browser, folder / f"{paper}.html", width=794, media="print")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    pages = len(re.findall(rb"/Type ?/Page\b", printed))
    assert 2 <= pages <= 12


def test_contents_stand_at_the_side_where_there_is_room(browser: Any, folder: Path) -> None:
    shown = "return document.querySelector('.side').checkVisibility()"
    show(browser, folder / "next-token.html", width=1280)
    assert browser.execute_script(shown)
    overlap = (
        "const side = document.querySelector('.side').getBoundingClientRect(),"
        " main = document.querySelector('main').getBoundingClientRect(); return side.right > main.left"
    )
    assert not browser.execute_script(overlap)
    show(browser, folder / "mean-field.html", width=1280)  # with longer ids
    apart = (
        "const text = document.createRange(); return [...document.querySelectorAll('.side ol a')].map(row => {"
        " const [id, title] = [...row.children].slice(-2); text.selectNodeContents(id);"
        " const lines = text.getClientRects(), next = title.getBoundingClientRect().left;"
        " return lines.length == 1 && lines[0].right + 3 <= next })"
    )
    assert set(browser.execute_script(apart)) == {True}  # every id on a line of its own, apart from the title
    show(browser, folder / "next-token.html", width=768)
    assert not browser.execute_script(shown)


AXE = resources.files("axe_core_python") / "axe.min.js"
BARRIERS = """
const done = arguments[0];
axe.run({resultTypes: ['violations']}).then(found => done(
  found.violations.flatMap(rule => rule.nodes.map(node => rule.id + ': ' + node.html.slice(0, 80)))));
"""


def barriers(browser: Any) -> list[str]:
    """What axe-core finds on the open page; AXE_CORE=axe.min.js takes another version of it."""
    browser.set_script_timeout(300)
    other = os.environ.get("AXE_CORE")
    browser.execute_script((Path(other) if other else AXE).read_text(encoding="utf-8"))
    found: list[str] = browser.execute_async_script(BARRIERS)
    return found


@pytest.mark.parametrize(
    ("paper", "width", "scheme"),
    [("sub-n-grams", 1280, "dark"), ("mean-field", 390, "light"), ("next-token", 390, "dark")],
)
def test_axe_finds_nothing(browser: Any, folder: Path, paper: str, width: int, scheme: str) -> None:
    """Contrast, names, order and structure."""
    show(browser, folder / f"{paper}.html", width=width, scheme=scheme)
    assert barriers(browser) == []


def test_a_barrier_would_be_found(browser: Any, tmp_path: Path) -> None:
    """The control: faint text, a picture without words, and a page without a language."""
    worse = page("next-token").replace('<html lang="en">', "<html>").replace("</main>", "<img src='x'></main>")
    (tmp_path / "worse.html").write_text(worse.replace("</style>", ".statement { color: #bbb }</style>", 1))
    show(browser, tmp_path / "worse.html", width=390)
    assert {"color-contrast", "image-alt", "html-has-lang"} <= {found.partition(":")[0] for found in barriers(browser)}


def test_the_dark_page_is_dark_with_its_plots(browser: Any, folder: Path) -> None:
    colours = (
        "const style = (selector, key) => getComputedStyle(document.querySelector(selector))[key];"
        "return [style('body', 'backgroundColor'), style('body', 'color'), style('figure svg text', 'fill')]"
    )
    show(browser, folder / "sub-n-grams.html", width=1280)
    ground, ink, letters = browser.execute_script(colours)
    show(browser, folder / "sub-n-grams.html", width=1280, scheme="dark")
    dark_ground, dark_ink, dark_letters = browser.execute_script(colours)
    assert brightness(ground) > 200 > 60 > brightness(ink) and letters == ink
    assert brightness(dark_ground) < 60 < 200 < brightness(dark_ink) and dark_letters == dark_ink


def brightness(colour: str) -> float:
    parts = [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(parts) / len(parts)


def test_a_hostile_page_runs_nothing(browser: Any, tmp_path: Path) -> None:
    bad = "<script>document.title = 'ran'</script><img src=x onerror=\"document.title = 'ran'\">"
    file = tmp_path / "hostile.html"
    changes = {"SN1": {"found": bad, "scope": bad, "footnote": bad, "details": {bad: [{bad: bad}]}}}
    file.write_text(page("sub-n-grams", results("sub-n-grams", changes), command=bad))
    show(browser, file, width=390)
    assert browser.title != "ran" and browser.get_log("browser") == []
    seen = browser.find_element("css selector", "#SN1 .numbers").text  # a formula is on a line of its own
    assert "".join(bad.split()) in "".join(seen.split())
