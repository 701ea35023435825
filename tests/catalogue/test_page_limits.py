"""The page under load and over many pictures: what is bounded, and that all is reached."""

import io
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

pytest.importorskip("flask")

from catalogue import opening, search, service  # noqa: E402 - after the skip
from catalogue.page import make_app  # noqa: E402
from catalogue.search import Searcher  # noqa: E402
from tests.catalogue.test_page import cards, numbers, png  # noqa: E402
from tests.support.small_catalogue import index_of, write_picture  # noqa: E402


def test_a_new_index_that_cannot_be_opened_leaves_the_old_one(shop, tmp_path, monkeypatch, caplog):
    client, photos, again = shop
    number = numbers(client)["tops/3.png"]
    write_picture(photos / "tops/new.png", 77)
    again()
    rows = tmp_path / "index/rows.sqlite"
    rows.rename(tmp_path / "away.sqlite")
    for answer in [client.get(f"/?p={number}&t=red") for _ in range(2)]:
        assert answer.status_code == 200 and str(tmp_path) not in answer.text
        assert len(cards(answer)) == 24
    assert caplog.text.count("rows.sqlite") == 1  # the terminal tells why, once
    (tmp_path / "away.sqlite").rename(rows)
    monkeypatch.setattr(client.application.service, "_retry", 0.0)
    assert "tops/new.png" in numbers(client)


def test_one_request_sees_one_index(shop, monkeypatch):
    client, photos, again = shop
    number, refresh = numbers(client)["tops/3.png"], Searcher.refresh
    find = Searcher.find

    def meanwhile(searcher, *asked, **options):
        answer = find(searcher, *asked, **options)
        (photos / "tops/3.png").unlink()
        again()
        refresh(client.application.service.searcher)  # as another request does
        return answer

    monkeypatch.setattr(Searcher, "find", meanwhile)
    answer = client.get(f"/?p={number}&t=red")
    assert answer.status_code == 200 and "has changed since it was indexed" in answer.text


def test_a_search_that_takes_too_long_is_ended(client, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 0.001)
    late = client.post("/api/search", json={"name": "tops/3.png", "hide_copies": True})
    assert late.status_code == 503 and "too long" in late.json["error"]


def test_how_deep_a_request_may_go_is_bounded(client):
    for asked in ({"skip": 991, "top": 10}, {"skip": 10**9}, {"top": 1001}):
        answer = client.post("/api/search", json={"name": "tops/3.png", **asked})
        assert answer.status_code == 400
    assert client.get(f"/?p={numbers(client)['tops/3.png']}&t=&from=1990").status_code == 400


def test_few_pictures_are_decoded_at_once(client, monkeypatch):
    now, most, lock, make = [], [], threading.Lock(), service.jpeg

    def slow(*asked):
        with lock:
            now.append(asked)
            most.append(len(now))
        time.sleep(0.02)
        with lock:
            now.pop()
        return make(*asked)

    def get(number):
        return client.application.test_client().get(f"/picture/{number}")

    def upload(number):
        data = {"image": (io.BytesIO(png()), "x.png")}
        return client.application.test_client().post("/upload", data=data)

    monkeypatch.setattr(service, "jpeg", slow)
    some = list(numbers(client).values())[:10]
    with ThreadPoolExecutor(8) as pool:
        sent = pool.map(get, some), pool.map(upload, range(4))  # all at once
    assert {answer.status_code for answers in sent for answer in answers} == {200, 303}
    assert max(most) == 2


def test_5000_files_in_a_folder_and_deep_ones_are_all_shown(tmp_path, run, encoding, monkeypatch):
    monkeypatch.setattr(opening, "open_source", lambda *arguments: encoding)
    monkeypatch.setattr(search, "COPY_DISTANCE", 1e-9)
    photos = tmp_path / "photos"
    deep = "/".join(f"level {n}" for n in range(20))
    odd = write_picture(photos / "new\nline" / " blank .png", 1)
    write_picture(photos / deep / "x.png", 2)
    first = write_picture(photos / "many" / "0.png", 3)
    for number in range(1, 5000):
        os.link(first, photos / "many" / f"{number}.png")
    expected = {f"many/{n}.png" for n in range(5000)}
    expected |= {f"{deep}/x.png", str(odd.relative_to(photos))}
    index_of(tmp_path / "index", photos, run, lambda path: encoding.files, block_rows=992)
    client = make_app(Searcher(tmp_path / "index"), ["localhost"]).test_client()
    page, shown = client.get("/"), []
    link = more(page, "All by name")
    while link:
        page = client.get(link)
        shown += [title for _, title in cards(page)]
        link = more(page, "More")
    assert len(shown) == 5002 and set(shown) == expected
    answer = client.get(cards(page)[-1][0])  # of the last by name
    copied = re.findall(r'<span class="copy">([^<]*)</span>', answer.text)
    titles = [title for _, title in cards(answer)]
    assert {*titles, *copied} == expected - {str(odd.relative_to(photos))} and len(titles) == 2
    sent = client.get("/", query_string={"within": "new\r\nline/"})  # as a form sends it
    assert [title for _, title in cards(sent)] == [str(odd.relative_to(photos))]
    assert [title for _, title in cards(client.get(f"/?within={deep}"))] == [f"{deep}/x.png"]


def more(page, name):
    found = re.search(rf'href="([^"]*)">{name}<', page.text)
    return found and unescape(found[1])
