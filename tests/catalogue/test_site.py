"""The page as a part of another site: below a prefix, and who else may read the API."""

import io
import re
import threading

import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

from catalogue.page import make_app  # noqa: E402 - after the skips
from catalogue.serve import make_server, serve  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from tests.catalogue.test_page import cards, png  # noqa: E402
from tests.catalogue.test_serve import ask, head  # noqa: E402


def test_the_page_lives_below_a_prefix_and_says_who_may_read_it(client):
    prefixed = {"SCRIPT_NAME": "/shop"}
    link = cards(client.get("/", environ_overrides=prefixed))[0][0]
    page = client.get(f"{link.removeprefix('/shop')}is+red", environ_overrides=prefixed)
    addresses = re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)
    assert addresses and all(address.startswith("/shop/") for address in addresses)
    sent = client.post("/upload", data={"image": (io.BytesIO(png()), "x.png")},
                       environ_overrides=prefixed)  # fmt: skip
    assert sent.location.startswith("/shop/?p=u")
    shop_page, asked = "https://shop.example", {"name": "tops/3.png", "top": 1}
    open_to = make_app(client.application.service.searcher, ["localhost"], None, [shop_page])
    for app, origin, allowed in (
        (open_to, shop_page, shop_page), (open_to, "https://evil.example", None),
        (client.application, shop_page, None),
    ):  # fmt: skip
        headers = {"Origin": origin}
        for answer in (
            app.test_client().post("/api/search", json=asked, headers=headers),
            app.test_client().options("/api/search", headers=headers),
        ):
            assert answer.status_code == 200
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert ("Origin" in answer.headers.get("Vary", "")) == (app is open_to)
        page = app.test_client().get("/", headers=headers)
        assert "Access-Control-Allow-Origin" not in page.headers


def test_a_prefix_may_stay_on_or_be_taken_off_by_the_proxy(client):
    app = make_app(client.application.service.searcher, ["127.0.0.1"])
    server = make_server(app, "127.0.0.1", 0, prefix="/shop")
    threading.Thread(target=server.run, daemon=True).start()
    for path in ("/shop/", "/shop", "/"):
        status, page = ask(server.effective_port, head(path))
        assert status == (308 if path == "/shop" else 200)
        assert b'href="/shop/static/page.css"' in page or b"Location: http" in page
    server.close()


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (dict(prefix="shop"), "--prefix=shop: is of the form /shop"),
        (dict(prefix="/shop/"), "--prefix=/shop/"),
        (dict(origins=["*"]), r"--allow_origin=\*: is of the form"),
        (dict(origins=["https://a.example/"]), "--allow_origin=https://a.example/"),
        (dict(origins=["https://a.example"], feedback="f.csv"), "other pages must not write it"),
    ],
)
def test_flags_of_a_site_are_checked(site, said):
    with pytest.raises(InputError, match=said):
        serve("127.0.0.1", "", 8000, "index", **site)
