"""Downloads FashionIQ's images to <data_path>/image_data/<category>/<ASIN>.jpg.

Needs the released annotations and URL lists there (scripts/prepare_data.sh fashion_iq). Fetches the
40,151 images of training and of both evaluation protocols; --all: the 74,382 of all lists, which
L_vs (--checkpoint_dir_stage1) needs for its attribute tags. An image in two categories is kept
once. Start it again at any time: what is there stays, what failed for good
(<data_path>/download_log.jsonl) is left out unless --retry_failed.
  python download_fashion_iq.py [--data_path=data/fashion_iq] [--threads=16] [--rate=50]
"""

from pathlib import Path

from command_line.errors import run_main
from command_line.flags import Flags, boolean
from datasets.fashion_iq_images import HOSTS, crawl
from datasets.fetch_image import Rules
from datasets.placeholders import MOST_URLS, SMALLEST_SIDE


def main(argv):
    parser = Flags(__doc__, bare=True)
    switch = {"type": boolean, "nargs": "?", "const": True, "default": False}
    parser.add_argument("--data_path", default="data/fashion_iq")
    parser.add_argument("--all", **switch, help="also those that only L_vs needs, or nothing")
    gone = f"under {SMALLEST_SIDE} pixels a side, or bytes that {MOST_URLS} other URLs gave"
    retry = f"also images that failed for good before (404, no picture, a placeholder: {gone})"
    parser.add_argument("--retry_failed", **switch, help=retry)
    parser.add_argument("--min_success", type=float, default=0.95, help="exit 1 below this share")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second, all threads")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds without an answer")
    parser.add_argument("--total_time", type=float, default=120.0, help="seconds for an attempt")
    parser.add_argument("--max_bytes", type=int, default=20 * 2**20, help="of one image")
    parser.add_argument("--attempts", type=int, default=5, help="for 429, 5xx and time-outs")
    parser.add_argument("--backoff", type=float, default=1.0, help="seconds, doubled each time")
    parser.add_argument("--allow_host", action="append", default=[], help="more hosts")
    flags = parser.parse_args(argv)
    for name in ("threads", "rate", "timeout", "total_time", "max_bytes", "attempts"):
        if not getattr(flags, name) > 0:
            parser.error(f"--{name}={getattr(flags, name)}: must be above 0")
    if not (0 <= flags.min_success <= 1 and flags.backoff >= 0):
        parser.error("--min_success must be in [0, 1], --backoff at least 0")
    hosts = frozenset(host.lower() for host in (*HOSTS, *flags.allow_host))
    limits = flags.timeout, flags.total_time, flags.max_bytes, flags.attempts, flags.backoff
    choice = flags.all, flags.retry_failed, flags.min_success
    root, rules = Path(flags.data_path), Rules(hosts, *limits)
    return crawl(root, *choice, rules, flags.threads, flags.rate)


if __name__ == "__main__":
    run_main(main)
