"""The page and the API by Flask's test client: what they show, and what they refuse."""

import io
import os
import re
from html import unescape

import pytest
from PIL import Image

pytest.importorskip("flask")

from catalogue.page import make_app  # noqa: E402
from catalogue.search import Searcher  # noqa: E402
from tests.datasets.test_image_files import huge_png  # noqa: E402
from tests.support.small_catalogue import index_of, write_picture  # noqa: E402
from tests.support.small_products import write_table  # noqa: E402


def links(response):
    return [unescape(link) for link in re.findall(r'href="(/\?[^"]*)"', response.text)]


def cards(response):
    """[(address, title)] of the pictures shown."""
    found = re.findall(r'<li><a href="([^"]*)" title="([^"]*)"', response.text)
    return [(unescape(link), unescape(title)) for link, title in found]


def numbers(client):
    """{name: number} of what the first page shows, all folders, all pictures."""
    shown = cards(client.get("/?n=240"))
    return {title: re.search(r"p=(\d+)", link)[1] for link, title in shown}


def png(seed=0):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 40), (seed, 90, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def test_all_pictures_are_shown_and_their_names_are_texts(shop):
    client, photos, _ = shop
    shown = [title for _, title in cards(client.get("/?n=240"))]
    expected = [str(p.relative_to(photos)) for p in photos.rglob("*.png")]
    assert sorted(shown) == sorted(expected) and len(shown) == 36
    for number in numbers(client).values():
        picture = client.get(f"/picture/{number}")
        assert picture.mimetype == "image/jpeg" and Image.open(io.BytesIO(picture.data)).format
    assert "<script>alert" not in client.get("/?n=240").text
    number = numbers(client)["odd/<script>alert(1)<b>.png"]
    shown = client.get(f"/?p={number}&t=<script>alert(2)</script>&within=<b>").text
    assert "&lt;script&gt;alert(1)" in shown and "&lt;script&gt;alert(2)" in shown
    assert "<script>alert" not in shown and "<b>" not in shown


def test_the_address_holds_the_whole_path(client):
    first = client.get(cards(client.get("/"))[0][0])
    asked = client.get(f"{cards(client.get('/'))[0][0]}is+red")
    assert "Like this one, but “is red”" in asked.text and "Like this one, but" not in first.text
    link, title = cards(asked)[3]
    further = client.get(f"{link}a+dress")
    assert title in further.text and "is red" in further.text  # the earlier step stays visible
    back = [link for link in links(further) if link.endswith("t=is+red")]
    assert cards(client.get(back[0])) == cards(asked)  # and can be gone back to
    assert title not in [shown for _, shown in cards(further)]  # the query itself is left out


def test_copies_are_folded_and_folders_filter(client):
    number = numbers(client)["tops/3.png"]
    everything = client.get(f"/?p={number}&t=&n=240")
    names = [title for _, title in cards(everything)]
    assert ("tops/1.png" in names) + ("dresses/copy of 1.png" in names) < 2
    assert "tops/1.png" in everything.text and "dresses/copy of 1.png" in everything.text
    only = client.get(f"/?p={number}&t=a+dress&within=odd/&n=240")
    assert cards(only) and all(title.startswith("odd/") for _, title in cards(only))
    for address in (f"/?p={number}&t=&within=Odd", "/?within=Odd"):
        refused = client.get(address)
        assert refused.status_code == 400 and "nearest: &#39;odd/&#39;" in refused.text
    few = client.get(f"/?p={number}&t=&n=3")
    assert len(cards(few)) == 3 and any("n=27" in link for link in links(few))


def test_unknown_words_are_named_and_can_be_mended(client):
    answer = client.get(f"/?p={numbers(client)['tops/3.png']}&t=is+REED+xyzzy")
    assert "“reed”" in answer.text and "Did you mean “red”?" in answer.text
    assert "“xyzzy”" in answer.text and "Search for “is red xyzzy”" in answer.text


def test_an_upload_is_answered_and_kept_by_an_address_that_cannot_be_guessed(client, tmp_path):
    before = {str(p) for p in tmp_path.rglob("*")}
    sent = client.post("/upload", data={"image": (io.BytesIO(png()), "../../x.png"), "text": "red"})
    assert sent.status_code == 303
    answer = client.get(sent.location)
    assert len(cards(answer)) == 24 and "Like this one, but “red”" in answer.text
    assert client.get(sent.location).text == answer.text  # reloaded
    picture = re.search(r"p=(u[\w-]+)", sent.location)[1]
    assert len(picture) > 20 and client.get(f"/picture/{picture}").status_code == 200
    lost = client.get("/?p=u0000&t=red")
    assert lost.status_code == 400 and "not kept here any longer" in lost.text
    assert {str(p) for p in tmp_path.rglob("*")} == before


def test_broken_uploads_say_what_to_do(client):
    for content in (b"<html>", png()[:60], huge_png(60_000, 60_000)):
        sent = client.post("/upload", data={"image": (io.BytesIO(content), "x.png")})
        assert sent.status_code == 400 and "JPEG, PNG, WebP, GIF and BMP can" in sent.text
    assert "choose a file first" in client.post("/upload", data={"text": "red"}).text
    sent = client.post("/upload", data={"image": (io.BytesIO(bytes(11 * 2**20)), "x.png")})
    assert sent.status_code == 413 and "at most 10 MB" in sent.text


def test_a_changed_file_is_asked_as_it_is_and_found_anew_once_indexed(shop):
    client, photos, again = shop
    number = numbers(client)["tops/3.png"]
    old = cards(client.get(f"/?p={number}&t="))
    write_picture(photos / "tops/3.png", 999)
    changed = client.get(f"/?p={number}&t=")
    assert "has changed since it was indexed" in changed.text
    assert [title for _, title in cards(changed)] != [title for _, title in old]
    again()  # the page that runs takes the new index
    now = client.get(f"/?p={number}&t=")
    assert "has changed since" not in now.text
    assert "tops/3.png" not in [title for _, title in cards(now)]
    os.remove(photos / "tops/5.png")
    gone = client.get(f"/?p={numbers(client)['tops/5.png']}&t=red")
    assert gone.status_code == 400 and "run index_catalogue.py again" in gone.text
    again()
    assert "tops/5.png" not in numbers(client)


def test_a_path_of_many_steps_goes_on(client):
    answer = client.get(cards(client.get("/"))[0][0])
    for step in range(52):
        answer = client.get(cards(answer)[step % 3][0])
        assert answer.status_code == 200
    assert "the latest 50 steps" in answer.text and answer.text.count('alt="" loading') == 24
    assert "t=a+dress" in client.get(cards(answer)[0][0].removesuffix("t=") + "t=a+dress").text


def test_an_empty_catalogue_says_what_to_do(tmp_path, run):
    (tmp_path / "photos").mkdir()
    index_of(tmp_path / "index", tmp_path / "photos", run)
    searcher = Searcher(tmp_path / "index")
    client = make_app(searcher, ["localhost"]).test_client()
    assert "This catalogue is empty" in client.get("/").text
    assert searcher.find(png(), "is red").results == []


def test_api(shop):
    client, photos, _ = shop
    assert client.get("/api/health").json == {"status": "ok", "images": 36}
    asked = {"name": "tops/3.png", "text": "is red", "top": 4, "within": "tops/"}
    by_name = client.post("/api/search", json=asked).json
    assert len(by_name["results"]) == 4 and by_name["left_out"] == ["tops/3.png"]
    content = (photos / "tops/3.png").read_bytes()
    form = {"image": (io.BytesIO(content), "x"), "text": "is red", "top": "4", "within": "tops/"}
    by_file = client.post("/api/search", data=form).json
    assert by_file["results"] == by_name["results"] and by_file["more"]
    rest = client.post("/api/search", json={**asked, "skip": 2}).json["results"]
    assert rest[:2] == by_name["results"][2:]
    assert "POST /api/search" in client.get("/api/").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"txt": "red"}, "no field 'txt'; nearest: text"),
        ({"topk": 5}, "no field 'topk'; nearest: top"),
        ({"colour": "red"}, "no field 'colour'; known: image, name, text, top,"),
        ({"top": 2.7}, "top must be a whole number from 1 to 1000"),
        ({"top": "5"}, "top must be"),
        ({"skip": True}, "skip must be"),
        ({"hide_copies": 1}, "hide_copies must be"),
        ({"keep_query": "true"}, "keep_query must be"),
        ({"largest_distance": "1"}, "largest_distance must be"),
        ({"image": "a.jpg"}, "image must be a picture's file"),
        ({"within": "Odd"}, "no folder 'Odd/' in this catalogue; nearest: 'odd/'"),
        ({"within": "u\u0308n"}, "nearest: 'ün/' (the same letters in another Unicode form)"),
    ],
)
def test_what_the_api_does_not_know_is_refused_by_name(shop, fields, said):
    client, photos, again = shop
    if "u\u0308n" in fields.values():
        write_picture(photos / "ün/x.png", 5)
        again()
    answer = client.post("/api/search", json={"name": "tops/3.png", **fields})
    assert answer.status_code == 400 and said in answer.json["error"]


def test_what_a_form_does_not_know_is_refused_by_name(client):
    def search(**fields):
        return client.post("/api/search", data={"name": "tops/3.png", **fields})

    for fields, said in (
        ({"top": "2.7"}, "top must be"), ({"top": "1_0"}, "top must be"), ({"top": "٣"}, "top"),
        ({"text": ["a", "b"]}, "text is there twice"), ({"within_": ""}, "nearest: within"),
        ({"image": (io.BytesIO(png()), "x")}, "image and name are both there"),
        ({"picture": (io.BytesIO(png()), "x")}, "no file 'picture'; "),
    ):  # fmt: skip
        answer = search(**fields)
        assert answer.status_code == 400 and said in answer.json["error"], fields
    assert search(top="3", hide_copies="true").status_code == 200
    for path, said in (
        ("/?txt=red", "no field &#39;txt&#39;; nearest: t"), ("/?n=2.7", "n must be"),
        ("/?within=&within=odd", "within is there twice"), ("/?from=x", "from must be"),
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 400 and said in answer.text, path
    sent = client.post("/upload", data={"image": (io.BytesIO(png()), "x.png"), "t": "red"})
    assert sent.status_code == 400 and "no field &#39;t&#39;; known: text" in sent.text
    assert client.post("/api/search?top=3", json={"name": "tops/3.png"}).status_code == 400
    assert client.get("/api/health?x=1").status_code == 400


def test_another_host_sees_nothing(client):
    for host in ("evil.example", "localhost.evil.example", "", "[::1", "localhost:x"):
        for path in ("/", "/picture/1", "/static/page.css", "/api/health", "/nothing"):
            refused = client.get(path, headers={"Host": host})
            assert (refused.status_code, refused.text) == (400, "This host is not served here.")
    for host in ("localhost", "LOCALHOST:8000"):
        answer = client.get("/", headers={"Host": host})
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_words_and_what_is_asked_for_are_shown_and_hostile_texts_are_texts(shop, run):
    client, photos, again = shop
    cells = [("tops/1.png", "red", "<script>alert(3)</script>"), ("tops/3.png", "dress", "=1+1"),
             ("tops/5.png", "red", '"><img src=x onerror=alert(4)>')]  # fmt: skip
    table = write_table(photos.parent / "t.csv", cells, ("image", "colour", "note"))
    again(table=str(table), attributes="colour")
    page = client.get("/?words=RED")
    assert "2 pictures with “RED”" in page.text and len(cards(page)) == 2
    assert "red · &lt;script&gt;alert(3)" in page.text and "<script>alert" not in page.text
    assert "<img src=x" not in page.text and "The table knows colour." in page.text
    none = client.get("/?words=red+xyzzy%22%3Cb%3E").text
    assert "0 pictures with" in none and "No picture has the word “xyzzy”" in none
    assert "all of these words" in client.get("/?words=red+dress").text and "<b>" not in none
    for words in ("!", "x" * 501, "a%20" * 501, "%00"):
        assert client.get(f"/?words={words}").status_code == 400
    asked = client.get(f"/?p={numbers(client)['tops/1.png']}&t=&words=")
    assert 'aria-label="colour"' in asked.text and "is dress</a>" in asked.text
    answer = client.get(next(link for link in links(asked) if "t=is+dress" in link))
    assert "Like this one, but “is dress”" in answer.text and "dress · =1+1" in answer.text
    said = client.post("/api/search", json={"name": "tops/1.png", "top": 36}).json["results"]
    about = {result["name"]: result["about"] for result in said}
    assert about["tops/3.png"] == {"colour": "dress", "note": "=1+1"} and about["tops/7.png"] == {}
