"""Makes an index of a folder of pictures, or brings it up to date: see catalogue/README.md.

  .venv/bin/python index_catalogue.py --checkpoint_dir=save_model/demo/fashion_iq_val \\
      --image_dir=PHOTOS --index_dir=index/photos

Run it again after pictures were added, changed or deleted, or after it was interrupted. Pictures
are encoded as people see them: rotated, on white, in sRGB. With --database=postgresql://... in the
place of --index_dir, any number of such processes on any machines share the work.
"""

from catalogue.database import require_one
from catalogue.indexing import SEARCHED_FAST, update_index
from catalogue.opening import open_source
from command_line.errors import InputError, run_main
from command_line.flags import Flags, boolean
from datasets.image_files import MOST_MEGAPIXELS, require_megapixels

NAMED = 1000  # broken images that are named; rows.sqlite names all


def main(argv):
    parser, switch = Flags(__doc__), dict(type=boolean, default=False, metavar="BOOL")
    parser.add_argument("--checkpoint_dir", default="", help="a trained run")
    parser.add_argument("--exact_model_checkpoint", default="", help="default: the newest")
    parser.add_argument("--model", default="", help="instead of a run: what export_model.py made")
    parser.add_argument("--image_dir", required=True, help="JPEG, PNG, WebP, GIF, BMP; any depth")
    parser.add_argument("--index_dir", default="", help="where the index is or will be")
    place = "in its place: postgresql://USER@HOST/NAME; the password from there or PGPASSWORD"
    parser.add_argument("--database", default="", help=place)
    verify = "True: compare the bytes of all files, not size and time of change only"
    parser.add_argument("--verify", **switch, help=verify)
    compact = "True: also drop the vectors of files that are gone, and join small blocks"
    parser.add_argument("--compact", **switch, help=compact)
    most = f"larger pictures are named and left out, default {MOST_MEGAPIXELS}"
    parser.add_argument("--most_megapixels", type=int, default=MOST_MEGAPIXELS, help=most)
    parser.add_argument("--table", default="", help="CSV with a column image: data/README.md")
    parser.add_argument("--attributes", default="", help="columns of it that can be changed")
    exclude = "a folder to leave out: its name, anywhere, or its path below --image_dir; repeatable"
    parser.add_argument("--exclude", action="append", default=[], help=exclude)
    deletions = "True: go on although many pictures are gone"
    parser.add_argument("--allow_deletions", **switch, help=deletions)
    flags = parser.parse_args(argv)
    require_megapixels(flags.most_megapixels)
    require_one(flags.index_dir, flags.database)
    if bool(flags.checkpoint_dir) == bool(flags.model):
        raise InputError("needs --checkpoint_dir= or --model=, one of them", 2)
    if flags.model and flags.exact_model_checkpoint:
        raise InputError("--exact_model_checkpoint: an export holds one checkpoint only", 2)

    def open_encoder(checkpoint):
        return open_source(flags.checkpoint_dir, checkpoint, flags.most_megapixels).files

    if flags.database:
        from catalogue.database_indexing import update_database as update
    else:
        update = update_index
    report = update(
        flags.index_dir or flags.database, flags.image_dir, open_encoder, flags.checkpoint_dir,
        flags.exact_model_checkpoint, flags.verify, flags.compact, model=flags.model,
        most_megapixels=flags.most_megapixels, exclude=flags.exclude,
        allow_deletions=flags.allow_deletions, table=flags.table, attributes=flags.attributes,
    )  # fmt: skip
    for name, reason in report.broken[:NAMED]:
        print(f"broken: {ascii(name) if not name.isprintable() else name}: {reason}")
    counts, where = report.counts, flags.index_dir or "the database"
    print(
        f"{where}: {counts['images']:,} images under {counts['vectors']:,} vectors; "
        f"{report.looked_into:,} files looked into, {report.encoded:,} encoded, "
        f"{report.dropped:,} dropped, {len(report.broken):,} broken, "
        f"{report.skipped.links:,} links skipped"
    )
    for line in [*left_out(report.skipped), *filter(None, [report.table])]:
        print(line)
    if report.outgrown:
        print(
            f"over {SEARCHED_FAST:,} vectors, and a search reads each of them; a search of "
            "--database=postgresql://... reads few, and many machines can index there: "
            "catalogue/README.md"
        )


def left_out(skipped):
    """What a scan left out, in lines."""
    if skipped.others:
        named = [f"{n:,} {ascii(e)[1:-1] or 'without'}" for e, n in skipped.others.most_common(20)]
        yield f"no pictures by their ending: {', '.join(named)}"
    for name, count in skipped.excluded.items():
        yield f"--exclude={name}: {f'{count:,} left out' if count else 'no such folder'}"


if __name__ == "__main__":
    run_main(main)
