"""Reports in a browser: Debian's Chromium, without a window."""

import os
import shutil
import subprocess

import pytest

from fastp2p.report.page import write_report
from tests.support.reports import ATTACKS, HOSTILE

pytestmark = pytest.mark.slow

MISSING = "no Chromium is found: install it (Debian: apt-get install chromium)"
PRINTED = (
    "Headlines", "Hosting capacity", "Figures", "The feeder hour by hour", "What the audit found", "Tables", "What was studied",
    "Warnings and failures", "Run it again", "How to cite", "n_full_breaks_", "[scenarios]",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        assert "CI" not in os.environ, MISSING
        pytest.skip(MISSING)
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(folders, tmp_path_factory):
    """The reports of a hostile day, of a sweep, and of both."""
    place = tmp_path_factory.mktemp("reports")
    of = {"hostile": ["hostile"], "sweep": ["sweep"], "both": ["hostile", "sweep"]}
    return {name: write_report([folders / one for one in names], place / f"{name}.html") for name, names in of.items()}


@pytest.fixture
def opened(browser, files):
    """Open a report; in the end, nothing was said on the console, and nothing but the file was asked for."""
    told, pages = [], []

    def open_page(name, width=1280):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: told.append(request.url) if request.url != files[name].as_uri() else None)
        page.goto(files[name].as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        pages.append(page)
        return page

    open_page.told = told
    yield open_page
    for page in pages:
        page.close()
    assert told == []


@pytest.mark.parametrize("name", ["hostile", "sweep", "both"])
@pytest.mark.parametrize("width", [390, 1280])
def test_all_figures_are_drawn_and_nothing_is_wider_than_the_window(opened, files, name, width):
    page = opened(name, width)
    assert files[name].stat().st_size < 8_000_000
    assert page.locator(".plot").count() == page.locator(".plot .main-svg").count() / 3
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_texts_of_a_study_are_shown_as_they_are(opened):
    page = opened("hostile")
    assert page.title() == HOSTILE.name
    assert page.inner_text("h1") == HOSTILE.name
    shown = page.inner_text(".lead")
    assert [attack for attack in ATTACKS if attack.replace("\u2028", r"\u2028") not in shown] == []
    assert page.locator(".plot .ytitle").all_text_contents()[-1] == f"Saving in 1 day ({HOSTILE.currency})"
    assert page.locator("img, iframe, object, embed").count() == 0


def test_no_script_but_the_own_ones_runs(opened):
    page = opened("sweep")
    page.evaluate("""() => {
        const image = document.createElement("div");
        image.innerHTML = "<img src='data:,' onerror='window.ran = 1'>";
        const script = document.createElement("script");
        script.textContent = "window.ran = 2";
        document.body.append(image, script);
    }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran === undefined")
    refused = [text for text in opened.told if "Content Security Policy" in text]
    assert len(refused) == 2
    opened.told.clear()


def test_the_slider_and_the_share_change_the_feeder(opened):
    page = opened("sweep")

    def looks():
        return page.evaluate(
            "[...document.querySelectorAll('.drawing:not([hidden]) [class]')].map(one => one.className.baseVal)"
        )

    first, said = looks(), page.inner_text("#feeder-state")
    page.locator("#feeder-time").fill("2")
    at_night = looks()
    assert at_night != first
    assert ", 02:00: largest loading" in page.inner_text("#feeder-state")
    page.locator("#feeder-time").fill("12")
    noon = looks()
    page.select_option("#feeder-share", "0")
    assert page.inner_text("#feeder-state").startswith("20 % PV, 0 % batteries, 12:00")
    assert looks() != noon
    assert page.inner_text("#feeder-state") != said
    page.select_option("#feeder-drawing", "tree")
    assert page.locator(".drawing:not([hidden])").get_attribute("data-drawing") == "tree"
    page.locator(".drawing:not([hidden]) circle").nth(5).hover()
    assert "p.u." in page.inner_text("#feeder-tip")


def test_headings_sort(opened):
    page = opened("sweep")
    heading = page.locator("#table-bills th", has_text="Saving").locator("button")
    column = page.evaluate("[...document.querySelectorAll('#table-bills th')].findIndex(one => /Saving/.test(one.textContent))")

    def values():
        cells = f"[...document.querySelectorAll('#table-bills tbody tr')].map(row => Number(row.cells[{column}].dataset.v))"
        return page.evaluate(cells)

    before = values()
    heading.click()
    assert values() == sorted(before)
    heading.click()
    assert values() == sorted(before, reverse=True)
    assert page.locator("#table-bills th[aria-sort=descending]").count() == 1


def test_printing_gives_all_of_it(opened, tmp_path):
    page, path = opened("sweep"), tmp_path / "report.pdf"
    page.pdf(path=path, prefer_css_page_size=True)
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
        assert [one for one in PRINTED if one not in text] == []
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 without its margins
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("nav").is_hidden()
    assert page.locator(".controls").first.is_hidden()
    assert page.locator("details pre.toml").is_visible()
    boxes = "[...document.querySelectorAll('.scroll, pre, .plot, .drawing')]"
    cut = page.evaluate(f"{boxes}.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML.slice(0, 99))")
    assert cut == []
