"""Asks an index with a picture and a sentence, in a shell or on a page: see catalogue/README.md.

.venv/bin/python search_catalogue.py --index_dir=index/photos --image=a.jpg --text="is red"
.venv/bin/python search_catalogue.py --index_dir=index/photos --serve=True [--port=8000]
"""

import json

from catalogue.database import require_one
from command_line.errors import InputError, run_main
from command_line.flags import Flags, boolean
from datasets.image_files import require_megapixels


def read_flags(argv):
    parser, switch = Flags(__doc__), dict(type=boolean, default=False, metavar="BOOL")
    parser.add_argument("--index_dir", default="", help="what index_catalogue.py made")
    parser.add_argument("--database", default="", help="in its place: postgresql://USER@HOST/NAME")
    parser.add_argument("--checkpoint_dir", default="", help="if the run has moved since")
    parser.add_argument("--model", default="", help="an export of it, to be used instead")
    parser.add_argument("--image", default="", help="any picture file")
    parser.add_argument("--text", default="", help="what should differ; empty: nearest by picture")
    parser.add_argument("--top", type=int, default=10, help="pictures found, default 10")
    parser.add_argument("--within", default="", help="only below this folder, as dresses/")
    parser.add_argument("--largest_distance", type=float, help="squared L2; farther ones are none")
    parser.add_argument("--hide_copies", **switch, help="True: copies as one")
    parser.add_argument("--keep_query", **switch, help="True: the query itself may be found")
    parser.add_argument("--most_megapixels", type=int, help="of a picture; default: as indexed")
    parser.add_argument("--json", **switch, help="True: one JSON object")
    parser.add_argument("--sheet", default="", help="PNG to write")
    parser.add_argument("--serve", **switch, help="True: the page and the HTTP API")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--allow_host", default="", help="name that requests may ask for")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--prefix", default="", help="path of another site below which the page is")
    parser.add_argument(
        "--allow_origin", action="append", default=[], metavar="ORIGIN",
        help="https://shop.example.org: its pages may read the API's answers; repeatable",
    )  # fmt: skip
    parser.add_argument("--feedback", default="", help="CSV to which what people choose is added")
    flags = parser.parse_args(argv)
    require_one(flags.index_dir, flags.database)
    for name, value, most in (("top", flags.top, 10**6), ("port", flags.port, 65535)):
        if not 1 <= value <= most:
            raise InputError(f"--{name}={value}: must be 1 to {most:,}", 2)
    if flags.most_megapixels is not None:
        require_megapixels(flags.most_megapixels)
    if flags.checkpoint_dir and flags.model:
        raise InputError("--checkpoint_dir= or --model=, not both", 2)
    if not flags.serve and not flags.image:
        raise InputError("--image= needs a picture file (or --serve=True)", 2)
    return flags


def main(argv):
    flags = read_flags(argv)
    index = flags.index_dir
    if flags.database:
        from catalogue.database_index import DatabaseIndex

        index = DatabaseIndex(flags.database)
    asked = index, flags.checkpoint_dir, flags.model, flags.most_megapixels  # of a Searcher
    if flags.serve:
        from catalogue.serve import serve

        site = dict(prefix=flags.prefix, origins=flags.allow_origin, feedback=flags.feedback)
        return serve(flags.host, flags.allow_host, flags.port, *asked, **site)
    from catalogue.answers import as_json, sheet_pictures, table
    from catalogue.search import Searcher  # slow imports, after the flags were read

    searcher = Searcher(*asked)
    options = dict(within=flags.within, largest_distance=flags.largest_distance,
                   hide_copies=flags.hide_copies, keep_query=flags.keep_query)  # fmt: skip
    answer = searcher.find(flags.image, flags.text, flags.top, **options)
    if flags.sheet:
        from reports.query_sheet import write_query_sheet

        pictures = sheet_pictures(flags.image, searcher, answer)
        write_query_sheet(flags.sheet, flags.text, *pictures)
    print(json.dumps(as_json(answer)) if flags.json else "\n".join(table(answer)))


if __name__ == "__main__":
    run_main(main)
