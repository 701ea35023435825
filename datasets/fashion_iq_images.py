"""The crawl of FashionIQ's images: which are wanted, what failed before, the parallel download."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

from tqdm import tqdm

from command_line.errors import InputError
from command_line.files import lock_folder
from datasets.fashion_iq import ASIN, CATEGORIES, read_fashion_iq, read_split, read_url_list
from datasets.fetch_image import Pace, fetch, make_session
from datasets.find_images import image_paths
from datasets.placeholders import Bodies

HOSTS = (
    "ecx.images-amazon.com",  # these two are in the released lists, the others they redirect to
    "g-ecx.images-amazon.com",
    "images-na.ssl-images-amazon.com",
    "m.media-amazon.com",
)
OFFLINE_AFTER = 40  # failed images with none fetched: there is no network


class Job(NamedTuple):
    asin: str
    category: str
    url: str


def plan(data_path, everything):
    """The images wanted, each in the first category that needs it -> list[Job], a fixed order."""
    jobs = {}
    for category in CATEGORIES:
        urls = read_url_list(data_path, category)
        for name in urls if everything else _needed(data_path, category):
            if not ASIN.fullmatch(name):
                raise InputError(f"{data_path}: {category} image {name[:80]!r} is not an ASIN")
            jobs.setdefault(name, Job(name, category, urls.get(name, "")))
    return list(jobs.values())


def _needed(data_path, category):
    """Names of its images, some of them more than once."""
    rows = [row for s in ("train", "val") for row in read_fashion_iq(data_path, category, s)]
    used = [name for reference, target, _ in rows for name in (reference, target)]
    return used + read_split(data_path, category, "val")


class Log:
    """download_log.jsonl: one line a finished image. A line cut by a kill is dropped."""

    def __init__(self, path):
        self.path, self.failed, self.bodies = path, {}, Bodies()
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with path.open("rb+") as file:
                file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                self._note(entry["asin"], entry["url"], entry["reason"], entry["again"])
                if entry.get("body"):  # not in lines of older versions
                    self.bodies.note(entry["body"], entry["asin"], entry["url"])
            except (ValueError, KeyError, TypeError):
                message = "not a line of this log; move the file away"
                raise InputError(f"{path}:{number}: {message}") from None
        self._file = path.open("a", encoding="utf-8")

    def add(self, job, outcome):
        entry = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **job._asdict()}
        try:
            self._file.write(json.dumps({**entry, **outcome._asdict()}) + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self.path}: can't be written: {error.strerror}") from None
        self._note(job.asin, job.url, outcome.reason, outcome.again)

    def _note(self, asin, url, reason, again):
        self.failed.pop(asin, None)
        if reason:
            self.failed[asin] = (url, reason, again)

    def gave_up(self, job):
        """An earlier run failed at this very URL, for a reason that stays."""
        url, _, again = self.failed.get(job.asin, (None, None, True))
        return url == job.url and not again

    def close(self):
        self._file.close()


def crawl(root, everything, retry_failed, min_success, rules, threads, rate):
    """Fetches what is missing below root and says what came of it -> exit code."""
    wanted = plan(root, everything)
    with lock_folder(root):
        return fetch_missing(root, wanted, retry_failed, min_success, rules, threads, rate)


def fetch_missing(root, wanted, retry_failed, min_success, rules, threads, rate):
    prepare_folders(root / "image_data")
    present = image_paths("fashion_iq", root, [job.asin for job in wanted])
    missing = [job for job in wanted if job.asin not in present]
    log = Log(root / "download_log.jsonl")
    jobs = [job for job in missing if retry_failed or not log.gave_up(job)]
    print(f"{len(wanted):,} images wanted, {len(present):,} there, {len(jobs):,} to fetch")
    if len(jobs) < len(missing):
        print(f"{len(missing) - len(jobs):,} failed for good before; --retry_failed tries them too")
    try:
        download(jobs, root / "image_data", log, rules, threads, rate)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here")
        return 130
    finally:
        log.close()
    reasons = Counter(log.failed[job.asin][1] for job in missing if job.asin in log.failed)
    there = len(wanted) - reasons.total()
    print(f"{there:,} of {len(wanted):,} images are there ({there / max(len(wanted), 1):.1%})")
    for reason, number in reasons.most_common():
        print(f"  {number:>7,}  {reason}")
    if there < min_success * len(wanted):
        print(f"below --min_success={min_success}: see {log.path}")
        return 1
    return 0


def download(jobs, folder, log, rules, threads, rate):
    """Fetches the jobs in parallel, logging each as it ends."""
    session, pace, good, bad = make_session(threads), Pace(rate), 0, 0
    pool, futures = ThreadPoolExecutor(threads), {}
    try:
        for job in jobs:
            path = folder / job.category / f"{job.asin}.jpg"
            futures[pool.submit(fetch, session, job.url, path, rules, pace, log.bodies)] = job
        bar = tqdm(as_completed(futures), total=len(jobs), desc="images", unit="image")
        for future in bar:
            outcome = future.result()
            log.add(futures[future], outcome)
            good, bad = good + (outcome.reason is None), bad + (outcome.reason is not None)
            bar.set_postfix(failed=bad, refresh=False)
            if not good and bad >= OFFLINE_AFTER and outcome.reason.startswith("connection"):
                raise InputError(f"the first {bad} images failed, the last: {outcome.reason}")
    finally:
        pace.stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


def prepare_folders(folder):
    """Makes image_data/<category>/ and sweeps what a killed run left there."""
    try:
        for category in CATEGORIES:
            (folder / category).mkdir(parents=True, exist_ok=True)
            for leftover in (folder / category).glob("*.part"):
                leftover.unlink()
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
