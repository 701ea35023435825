"""Flags of the page's site: hosts, prefix, origins."""

import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

from catalogue.serve import serve, trusted_hosts  # noqa: E402 - after the skips
from command_line.errors import InputError  # noqa: E402


def test_other_machines_are_let_in_only_by_name():
    own = ["127.0.0.1", "localhost", "[::1]"]
    for host in ("127.0.0.1", "localhost", "::1", "LOCALHOST"):
        assert trusted_hosts(host, "") == own
    assert trusted_hosts("127.0.0.2", "") == [*own, "127.0.0.2"]
    assert trusted_hosts("0.0.0.0", "Shop.Example") == [*own, "shop.example"]
    assert trusted_hosts("::", "bücher.example") == [*own, "xn--bcher-kva.example"]
    assert trusted_hosts("192.168.1.5", "fd00::5") == [*own, "192.168.1.5", "[fd00::5]"]
    for host in ("0.0.0.0", "192.168.1.5", "example.org"):
        with pytest.raises(InputError, match="--allow_host="):
            trusted_hosts(host, "")
    for name in ("http://shop.example", "shop.example:80", "a..b", "*"):
        with pytest.raises(InputError, match="no http://, no port"):
            trusted_hosts("0.0.0.0", name)


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
