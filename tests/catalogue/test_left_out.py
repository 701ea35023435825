"""What a run leaves out, and does not drop without being told to; in files and in a database."""

import shutil

import pytest

import index_catalogue
from catalogue import photos as photos_module
from command_line.errors import InputError
from tests.support.small_catalogue import write_picture


def test_what_is_left_out_is_counted(store, photos, capsys):
    write_picture(photos / "dresses/@eaDir/a.png", 90)
    write_picture(photos / "tops/old/b.png", 91)
    write_picture(photos / "old/c.png", 92)
    for name in ("a.avif", "b.AVIF", "plain"):
        (photos / name).write_bytes(b"x")
    report = store.update(exclude=["@eaDir", "tops/old/", "none"])
    assert report.counts["images"] == 12
    assert list(index_catalogue.left_out(report.skipped)) == [
        "no pictures by their ending: 2 .avif, 1 .txt, 1 without",
        "--exclude=@eaDir: 1 left out",
        "--exclude=tops/old: 1 left out",
        "--exclude=none: no such folder",
    ]
    assert store.update().counts["images"] == 14


def test_a_share_that_is_half_away_drops_nothing(store, photos, tmp_path, monkeypatch):
    for seed in range(60):
        write_picture(photos / f"more/{seed}.png", 200 + seed)
    assert store.update().counts["images"] == 71
    for seed in range(20):
        (photos / f"more/{seed}.png").unlink()
    assert store.update().dropped == 20
    for seed in range(20, 40):
        shutil.move(photos / f"more/{seed}.png", tmp_path)
    moved = list(photos.glob("*.png")) + list(photos.glob("more/40.png"))
    stat, hidden = photos_module._photo, {str(p.relative_to(photos)) for p in moved}

    def unreadable(top, path, entry, skipped):
        if path in hidden:
            yield photos_module.Photo(path, 0, photos_module.NEVER)
        else:
            yield from stat(top, path, entry, skipped)

    with monkeypatch.context() as patch:
        patch.setattr(photos_module, "_photo", unreadable)
        with pytest.raises(InputError, match="22 of the index's 51 pictures .* --allow_deletions="):
            store.update()
    for path in tmp_path.glob("*.png"):
        shutil.move(path, photos / "more")
    report = store.update()
    assert (report.looked_into, report.dropped, report.counts["images"]) == (0, 0, 51)
    shutil.rmtree(photos / "more")
    with pytest.raises(InputError, match="40 of the index's 51"):
        store.update()
    report = store.update(allow_deletions=True)
    assert (report.dropped, report.counts["images"]) == (40, 11)
