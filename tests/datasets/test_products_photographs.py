"""The counts of ../shared/photographs, made by another program, where the photographs are."""

import json

import pytest

from datasets import prepare_products, products
from datasets.pair_index import PairIndex
from datasets.prepare_products import count_partners
from datasets.product_table import Table
from tests.support.small_products import PHOTOGRAPHS

ATTRIBUTES = ["gender", "baseColour", "articleType", "usage"]
COUNTED = {  # products, sets of values, with a partner, of these by, values of each
    "products.csv": (8591, 1168, 8584, [5866, 8497, 8385, 4508], [5, 43, 75, 6]),
    "small/products.csv": (19927, 2442, 19913, [14079, 19774, 19689, 11149], [5, 46, 134, 8]),
}
pytestmark = pytest.mark.skipif(not PHOTOGRAPHS.exists(), reason="no ../shared/photographs here")


@pytest.mark.parametrize("name", COUNTED)
def test_partners_of_the_table(name):
    columns = [Table(PHOTOGRAPHS / name).values(attribute, "") for attribute in ATTRIBUTES]
    rows = list(zip(*columns, strict=True))
    index = PairIndex(enumerate(rows), products.one_value_less)
    values = [len(set(column) - {None}) for column in columns]
    by = list(count_partners(index, ATTRIBUTES).values())
    found = (len(rows), len(set(rows)), len(index.modifiable), by, values)
    assert found == COUNTED[name]


def test_prepared(tmp_path):
    prepare_products.main([
        f"--table={PHOTOGRAPHS / 'products.csv'}", f"--image_dir={PHOTOGRAPHS / 'images'}",
        f"--attributes={','.join(ATTRIBUTES)}", f"--data_path={tmp_path}",
    ])  # fmt: skip
    counts = json.loads((tmp_path / "products.json").read_text())["counts"]
    rows, sets, partners, by, _ = COUNTED["products.csv"]
    expected = {"rows": rows, "images found": rows, "images missing": 0, "images broken": 0,
                "images tiny": 0, "rows whose bytes others have": 194,
                "different sets of values": sets, "products with a partner": partners}  # fmt: skip
    expected |= {f"by {name}": count for name, count in zip(ATTRIBUTES, by, strict=True)}
    assert expected.items() <= counts.items()
    shares = [counts[f"products, {part}"] / rows for part in products.PARTS]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert counts["validation queries"] > 0.95 * counts["products, validation"]
