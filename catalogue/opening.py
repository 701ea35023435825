"""Opens what encodes pictures and queries; TensorFlow is imported for a trained run only."""

from pathlib import Path

from catalogue.identity import require_same
from catalogue.sources import of_export, of_run


def open_source(checkpoint_dir, checkpoint, most_megapixels):
    """-> Encoding of a run, or ExportedEncoding of the export `checkpoint` if there is no run."""
    if checkpoint_dir:
        from catalogue.encoding import Encoding

        return Encoding(checkpoint_dir, checkpoint, most_megapixels)
    from catalogue.exported import ExportedEncoding

    return ExportedEncoding(checkpoint, most_megapixels)


def open_same(about, checkpoint_dir, model, most_megapixels):
    """What made the index `about`, or its copy that lies elsewhere now -> as open_source.

    Raises InputError for another model."""
    folder = "" if model else checkpoint_dir or about["checkpoint_dir"]
    if folder:
        of_a_run = about["checkpoint_dir"]  # else of an export of its newest checkpoint
        now = of_run(folder, Path(about["checkpoint"]).name if of_a_run else "")
    else:
        now = of_export(model or about["checkpoint"])
    require_same(about, now["checkpoint"], now["fingerprint"])
    return open_source(folder, now["checkpoint"], most_megapixels)
