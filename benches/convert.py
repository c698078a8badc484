#!/usr/bin/env python3
"""Speed, quality, size and memory of `outguide convert` against its peers.

    benches/convert.py DATA [--repeats 3] [--outguide target/release/outguide]
                            [--work target/bench] [--only RUN...]

DATA holds folders of page images (`ocr`, `syn-ocr`, `orientation`); a page
takes part when its exact text stands beside it as NAME.gt.txt.

Runs, each over all the pages:
  outguide         outguide convert IMAGE... -o OUT.pdf
  ocrmypdf         the newest OCRmyPDF from PyPI, --jobs 2
  ocrmypdf-clean   the same with --deskew --rotate-pages --clean (needs unpaper)
  tesseract        bare tesseract, text only, a process a page, two at a time,
                   OMP_THREAD_LIMIT=1: the ceiling of unmodified Tesseract

They are interleaved, and each round begins with another one, so that a busy
machine disturbs all alike; figures are medians over the rounds, ratios are
medians of the ratios within a round. Before every run the pages leave the page
cache (all of it, where we may drop it). OCRmyPDF is given one PDF made of the
same images without loss, which is not timed. A word is missing when it stands
in the exact text more often than in the text found; the text of a PDF is what
`pdftotext -raw` finds. Memory is the highest sum of PSS over the process tree,
sampled five times a second.
"""

import argparse
import collections
import functools
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time
import venv

FOLDERS = ("ocr", "syn-ocr", "orientation")
IMAGE_ENDINGS = (".jpg", ".tif", ".png")
# In the order they are looked for in a page's name.
CONDITIONS = (
    ("film_neg", "film negative"), ("film_pos", "film positive"), ("fax", "fax"),
    ("noise", "noisy"), ("faded", "faded"), ("skew", "skewed"), ("rot", "turned"),
    ("", "straight"),
)
RUNS = ("outguide", "ocrmypdf", "ocrmypdf-clean", "tesseract")
# What outguide's pages a minute are to be, over each peer's.
AIMS = {"ocrmypdf": 1.25, "ocrmypdf-clean": 2.5, "tesseract": 0.95}
SAMPLE_SECONDS = 0.2

Page = collections.namedtuple("Page", "name image words condition")
Run = collections.namedtuple("Run", "seconds peak_bytes out_bytes missing")


def main():
    options = arguments()
    pages = find_pages(options.data)
    outguide = options.outguide.resolve()
    if "outguide" in options.only and not os.access(outguide, os.X_OK):
        sys.exit(f"{outguide} is not there: build it first with `cargo build --release`")
    for tool, package in (("pdftotext", "poppler-utils"), ("tesseract", "tesseract-ocr")):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not there: install {package}")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    runs = {name: commands for name, commands in
            all_commands(options.only, pages, outguide, work).items() if commands}
    rounds = [one_round(runs, number, pages, work) for number in range(options.repeats)]
    print_results(rounds, list(runs), pages, work)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path, help="folder with the pages")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--outguide", type=pathlib.Path,
                        default=pathlib.Path("target/release/outguide"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("target/bench"))
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="RUN")
    return parser.parse_args()


# ---- the pages -------------------------------------------------------------

def find_pages(data):
    if not data.is_dir():
        sys.exit(f"{data} is not a folder: give the folder with the pages to measure on")
    pages = []
    for text in sorted(path for folder in FOLDERS for path in (data / folder).glob("*.gt.txt")):
        base = str(text)[: -len(".gt.txt")]
        image = next((base + end for end in IMAGE_ENDINGS if os.path.exists(base + end)), None)
        if image is None:
            sys.exit(f"{text} has no image beside it")
        name = os.path.basename(base)
        condition = next(label for part, label in CONDITIONS if part in name)
        words = collections.Counter(text.read_text(encoding="utf-8").split())
        pages.append(Page(name, os.path.abspath(image), words, condition))
    if not pages:
        sys.exit(f"no pages with exact text (NAME.gt.txt) in {data}/{{{','.join(FOLDERS)}}}")
    return pages


def missing(page, text):
    return sum((page.words - collections.Counter(text.split())).values())


# ---- what is run -----------------------------------------------------------

def all_commands(names, pages, outguide, work):
    """For each run its lanes: commands done one after another, lanes at once."""
    images = [page.image for page in pages]
    lanes = {}
    for name in names:
        if name == "outguide":
            lanes[name] = [[[str(outguide), "convert", *images, "-o", str(work / f"{name}.pdf")]]]
        elif name == "tesseract":
            each = [["tesseract", page.image, str(work / f"tesseract-{page.name}")]
                    for page in pages]
            lanes[name] = [each[0::2], each[1::2]]
        else:
            lanes[name] = ocrmypdf_lanes(name, images, work)
    return lanes


def ocrmypdf_lanes(name, images, work):
    extra = []
    if name == "ocrmypdf-clean":
        if not shutil.which("unpaper"):
            print(f"skipped: {name}: unpaper not found (install unpaper)")
            return None
        extra = ["--deskew", "--rotate-pages", "--clean"]
    folder = newest_ocrmypdf(work)
    joined = work / "pages.pdf"
    subprocess.run([str(folder / "img2pdf"), "--rotation=ifvalid", "-o", str(joined), *images],
                   check=True, stderr=subprocess.DEVNULL)
    return [[[str(folder / "ocrmypdf"), "--quiet", "--jobs", "2", *extra,
              str(joined), str(work / f"{name}.pdf")]]]


@functools.cache
def newest_ocrmypdf(work):
    """The folder of programs of a virtual environment with today's OCRmyPDF."""
    folder = work / "venv"
    programs = folder / "bin"
    if not (programs / "pip").exists():
        venv.create(folder, with_pip=True, clear=True)
    subprocess.run([str(programs / "pip"), "install", "--quiet", "--upgrade",
                    "--disable-pip-version-check", "ocrmypdf"], check=True)
    return programs


# ---- measuring -------------------------------------------------------------

def one_round(runs, number, pages, work):
    names = list(runs)
    names = names[number % len(names):] + names[: number % len(names)]
    return {name: measure(name, runs[name], number, pages, work) for name in names}


def measure(name, lanes, number, pages, work):
    for old in (*work.glob(f"{name}.pdf"), *work.glob(f"{name}-*.txt")):
        old.unlink()
    forget_cached(pages)
    watch = MemoryWatch()
    failures = []
    start = time.monotonic()
    workers = [threading.Thread(target=run_lane, args=(name, lane, watch, failures))
               for lane in lanes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - start
    watch.stop()
    if failures:
        sys.exit(failures[0])
    texts, out_bytes = results(name, pages, work)
    lost = {page.name: missing(page, text) for page, text in zip(pages, texts)}
    print(f"round {number + 1}: {name}: {seconds:.1f} s, {sum(lost.values())} words missing",
          flush=True)
    return Run(seconds, watch.peak, out_bytes, lost)


def run_lane(name, commands, watch, failures):
    environment = {key: value for key, value in os.environ.items() if key != "OMP_THREAD_LIMIT"}
    if name == "tesseract":
        environment["OMP_THREAD_LIMIT"] = "1"
    for command in commands:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        watch.add(process.pid)
        said, _ = process.communicate()
        watch.remove(process.pid)
        if process.returncode != 0:
            tail = said.decode(errors="replace").strip().splitlines()[-5:]
            failures.append(f"{name} failed with {process.returncode}: " + "\n".join(tail))
            return


def results(name, pages, work):
    if name == "tesseract":
        files = [work / f"tesseract-{page.name}.txt" for page in pages]
        return [file.read_text(encoding="utf-8") for file in files], None
    pdf = work / f"{name}.pdf"
    text = subprocess.run(["pdftotext", "-raw", str(pdf), "-"], check=True,
                          capture_output=True).stdout.decode()
    # pdftotext ends each page with a form feed.
    texts = text.split("\f")[:-1]
    if len(texts) != len(pages):
        sys.exit(f"{name} made {len(texts)} pages of {len(pages)} images")
    return texts, pdf.stat().st_size


def forget_cached(pages):
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1\n")
        return "the whole page cache dropped before each run"
    except OSError:
        for page in pages:
            with open(page.image, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return "only the pages dropped from the page cache before each run (not root)"


class MemoryWatch:
    """The highest memory that the processes added, and all below them, held."""

    def __init__(self):
        self.peak = 0
        self._roots = set()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def add(self, pid):
        with self._lock:
            self._roots.add(pid)

    def remove(self, pid):
        with self._lock:
            self._roots.discard(pid)

    def stop(self):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(SAMPLE_SECONDS):
            with self._lock:
                roots = set(self._roots)
            self.peak = max(self.peak, sum(map(pss_bytes, with_descendants(roots))))


def with_descendants(roots):
    children = collections.defaultdict(list)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                # The name, in parentheses, may hold anything.
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children[parent].append(int(entry))
    found, due = set(), list(roots)
    while due:
        pid = due.pop()
        if pid not in found:
            found.add(pid)
            due.extend(children[pid])
    return found


def pss_bytes(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


# ---- what came out ---------------------------------------------------------

def print_results(rounds, names, pages, work):
    print(f"\n{len(pages)} pages, {len(rounds)} rounds, {os.cpu_count()} cores, "
          f"{forget_cached(pages)}, load {os.getloadavg()[0]:.1f}")
    for name, version in versions(names, work):
        print(f"{name}: {version}")

    def median(name, figure):
        return statistics.median(figure(a_round[name]) for a_round in rounds)

    conditions = list(dict.fromkeys(page.condition for page in pages))
    print("\n| run | pages/min | seconds (each round) | PDF MB | peak MB |\n|---|---|---|---|---|")
    for name in names:
        seconds = " ".join(f"{a_round[name].seconds:.1f}" for a_round in rounds)
        size = rounds[-1][name].out_bytes
        print(f"| {name} | {median(name, lambda run: len(pages) / run.seconds * 60):.1f} "
              f"| {seconds} | {'–' if size is None else f'{size / 1e6:.2f}'} "
              f"| {max(a_round[name].peak_bytes for a_round in rounds) / 1e6:.0f} |")

    print(f"\n| words missing | of | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}")
    lost = {}
    for condition in (*conditions, "all"):
        these = [page for page in pages if condition in (page.condition, "all")]
        of = sum(sum(page.words.values()) for page in these)
        lost[condition] = {
            name: median(name, lambda run: sum(run.missing[page.name] for page in these))
            for name in names}
        print(f"| {condition} | {of} | "
              + " | ".join(f"{lost[condition][name]:g}" for name in names) + " |")
    if "outguide" in names:
        print_verdicts(rounds, names, conditions, lost)


def print_verdicts(rounds, names, conditions, lost):
    print("\noutguide's pages a minute over the peer's, median of the rounds:")
    for peer, aim in AIMS.items():
        if peer in names:
            ratio = statistics.median(
                a_round[peer].seconds / a_round["outguide"].seconds for a_round in rounds)
            print(f"  {peer}: {ratio:.2f} (aim {aim}: {verdict(ratio >= aim)})")
    peers = [name for name in names if name.startswith("ocrmypdf")]
    if peers:
        print("words missing, against the better of OCRmyPDF's runs:")
        for condition in conditions:
            best = min(lost[condition][peer] for peer in peers)
            ours = lost[condition]["outguide"]
            print(f"  {condition}: {ours:g} to {best:g} ({verdict(ours <= best)})")


def verdict(met):
    return "met" if met else "MISSED"


def versions(names, work):
    if any(name.startswith("ocrmypdf") for name in names):
        yield "ocrmypdf", first_line([str(newest_ocrmypdf(work) / "ocrmypdf"), "--version"])
    yield "tesseract", first_line(["tesseract", "--version"])


def first_line(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.stdout.decode(errors="replace").partition("\n")[0].strip()


if __name__ == "__main__":
    main()
