"""The counts of ../shared/photographs, made by another program, where the photographs are."""

import pytest

from datasets import products
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
