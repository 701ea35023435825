"""The page in a real browser, by mouse and keyboard, at two widths, with scripts and without.
Needs chromium (CHROMIUM=/path/to/it, or on the PATH); skipped where there is none."""

import os
import shutil
import threading

import pytest
from PIL import Image

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("no chromium on this machine", allow_module_level=True)
pytest.importorskip("flask")
playwright = pytest.importorskip("playwright.sync_api")

from catalogue import opening, search  # noqa: E402 - after the skips
from catalogue.feedback import Feedback  # noqa: E402
from catalogue.page import make_app  # noqa: E402
from catalogue.search import Searcher  # noqa: E402
from catalogue.serve import make_server  # noqa: E402
from tests.support.small_catalogue import index_of  # noqa: E402
from tests.support.small_products import write_table  # noqa: E402

FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update""".split()
TEXT = "input[name=t]:not([type=hidden])"


@pytest.fixture(scope="module")
def site(tmp_path_factory, run, encoding):
    """(address, folder) of a served catalogue of 30 pictures."""
    root = tmp_path_factory.mktemp("site")
    for number in range(30):
        path = root / "photos" / ("tops" if number % 2 else "dresses") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 80), (8 * number, 255 - 8 * number, 40 * (number % 6))).save(path)
    sleeves = ("longer", "shorter", "a print")
    rows = [(f"tops/{n}.png", "tops", sleeves[n % 3]) for n in range(1, 20, 2)]
    table = write_table(root / "shop.csv", rows, ("image", "kind", "sleeves"))
    index_of(root / "index", root / "photos", run, lambda path: encoding.files, block_rows=31,
             table=str(table), attributes="kind,sleeves")  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "COPY_DISTANCE", 1e-9)  # to a drawn net, all are alike
        patch.setattr(opening, "open_source", lambda *arguments: encoding)
        searcher = Searcher(root / "index")
        long = "has a deep v shaped neckline and a floral print"
        searcher.index.about["examples"] = ["is red with longer sleeves", "a dress", *6 * [long]]
        app = make_app(searcher, ["127.0.0.1"], Feedback(root / "feedback.csv"))
        server = make_server(app, "127.0.0.1", 0)
        threading.Thread(target=server.run, daemon=True).start()
        yield f"http://127.0.0.1:{server.effective_port}", root
        server.close()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["desktop", "phone", "no script", "phone, no script"])
def page(request, browser, site):
    """A page that fails the test on an error of its own, or when it asks another machine."""
    context = browser.new_context(
        viewport={"width": 360 if "phone" in request.param else 1200, "height": 800},
        java_script_enabled="no script" not in request.param,
        base_url=site[0],
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    asked, errors = [], []
    page.on("request", lambda sent: asked.append(sent.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert asked and all(url.startswith((site[0], "blob:")) for url in asked)
    assert [error for error in errors if "400 (BAD REQUEST)" not in error] == []


def follow(page, link):
    """Clicks a link or a button, and waits for the page it leads to."""
    with page.expect_navigation():
        link.click()


def enter(page):
    with page.expect_navigation():
        page.keyboard.press("Enter")


def names(page):
    return page.locator(".cards a").evaluate_all("all => all.map(a => a.title)")


def fits(page):
    """Nothing is wider than the window."""
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return widths[0] <= widths[1]


def test_from_a_picture_of_the_catalogue(page):
    page.goto("/")
    assert fits(page)
    follow(page, page.locator(".cards a").nth(2))
    follow(page, page.get_by_role("link", name="is red with longer sleeves"))
    assert page.locator("h1").inner_text() == "Like this one, but “is red with longer sleeves”"
    first, address = names(page), page.url
    assert len(first) == 24 and fits(page)
    follow(page, page.locator(".cards a").first)
    page.fill(TEXT, "is darker and shortr")
    enter(page)
    assert "Did you mean “shorter”?" in page.locator(".note").first.inner_text()
    follow(page, page.get_by_role("link", name="Search for “is darker and shorter”"))
    assert page.locator(".trail li").count() == 3 and fits(page)
    second = names(page)
    page.reload()
    assert names(page) == second
    follow(page, page.locator(".trail a").nth(1))
    assert names(page) == first and page.url.split("&within")[0] == address.split("&within")[0]
    page.go_back()
    assert names(page) == second
    follow(page, page.get_by_role("link", name="More"))
    assert len(names(page)) == 29


def shot(page, name):
    """Kept for people where CHROMIUM_SHOTS names a folder."""
    if folder := os.environ.get("CHROMIUM_SHOTS"):
        page.screenshot(path=f"{folder}/{name}-{page.viewport_size['width']}.png")


def test_words_one_click_and_a_choice_that_is_written_down(page, site):
    lines = (site[1] / "feedback.csv").read_text().count("\n")
    page.goto("/")
    shot(page, "begin")
    page.fill("input[name=words]", "TOPS short")
    enter(page)
    assert "4 pictures with “TOPS short”" in page.locator("#found").inner_text()
    assert names(page) == [f"tops/{n}.png" for n in (1, 13, 19, 7)] and fits(page)
    assert "tops · shorter" in page.locator(".cards .said").first.inner_text()
    shot(page, "words")
    follow(page, page.locator(".cards a").first)
    assert "kind, sleeves" in page.locator(".field .hint").inner_text()
    follow(page, page.get_by_role("link", name="is longer"))
    assert page.locator("h1").inner_text() == "Like this one, but “is longer”" and fits(page)
    answer, address = names(page), page.url
    shot(page, "answer")
    follow(page, page.get_by_role("button", name=f"This is it: {answer[2]}"))
    assert f"Written down: {answer[2]} is it" in page.locator(".note").inner_text()
    assert names(page) == answer and fits(page)
    shot(page, "chosen")
    page.reload()
    page.go_back()
    assert page.url == address and names(page) == answer
    written = (site[1] / "feedback.csv").read_text().splitlines()
    assert len(written) == lines + 1
    assert written[-1].startswith(f"tops/1.png,{answer[2]},is longer,20")


def test_with_a_picture_of_ones_own(page, site):
    _, root = site
    page.goto("/")
    page.set_input_files("input[type=file]", root / "photos/tops/7.png")
    page.fill("input[name=text]", "a dress")
    follow(page, page.get_by_role("button", name="Search"))
    assert "“a dress”" in page.locator("h1").inner_text()
    assert len(names(page)) == 24 and "tops/7.png" not in names(page)
    assert page.locator(".query > img").evaluate("image => image.naturalWidth") > 0
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    page.goto("/")
    page.set_input_files("input[type=file]", root / "broken.png")
    follow(page, page.get_by_role("button", name="Search"))
    assert "no picture that can be read" in page.get_by_role("alert").inner_text()


def test_by_keyboard(page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.cards') !== null"):
            break
    enter(page)
    assert page.locator("h1").inner_text() == "Like this one"


def test_pictures_and_fields_have_names(page):
    page.goto("/")
    for role in ("link", "button", "textbox", "combobox"):
        for found in page.get_by_role(role).all():
            named = found.evaluate("e => (e.innerText || e.labels?.[0]?.innerText || '').trim()")
            assert named, found.evaluate("e => e.outerHTML")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
