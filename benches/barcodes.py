#!/usr/bin/env python3
"""Barcodes read by `outguide barcodes` and by zxing-cpp, on the same pages.

    benches/barcodes.py DATA [--outguide target/release/outguide] [--work target/bench]

DATA holds MANIFEST.tsv: the pages of `syn-cover` with what is on each, pictures
of single codes in `barcode/*` with NAME.gt.txt beside them, and pages without a
code (`barcode/negative`, `page`, `ocr`, `syn-ocr`). A page counts as read when
the text is found, and as wrong when another text is; how lines end and blanks
before their ends are not told apart, which the truths do not keep. zxing-cpp
reads the same seven symbologies, trying harder, rotated and downscaled.

The PDFs of `separator` have no truths: for each is said how many codes either
program found, and how many different texts both did. outguide reads PDFs itself;
zxing-cpp is given their pages as pdftoppm draws them at 300 dpi.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import time
import venv

WITHOUT_CODE = ("barcode/negative", "page", "ocr", "syn-ocr")
SINGLE = ("codabar", "code128", "code39", "datamatrix", "itf", "pdf417", "qrcode")
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm", ".gif")

ZXING = """
import json, sys, time
from PIL import Image
import zxingcpp
F = zxingcpp.BarcodeFormat
formats = [F.Code128, F.Code39, F.ITF, F.Codabar, F.QRCode, F.DataMatrix, F.PDF417]
for path in sys.argv[1:]:
    page = Image.open(path).convert("L")
    started = time.monotonic()
    try:
        found = zxingcpp.read_barcodes(page, formats=formats)
    except TypeError:
        mask = formats[0]
        for one in formats[1:]:
            mask = mask | one
        found = zxingcpp.read_barcodes(page, formats=mask)
    ms = (time.monotonic() - started) * 1000
    print(json.dumps({"file": path, "codes": [{"text": one.text} for one in found], "ms": ms}))
"""


def zxing_python(work):
    home = work / "venv-barcodes"
    python = home / "bin" / "python3"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "zxing-cpp", "pillow"], check=True)
    return python


def lines(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def pages_of(data):
    """(group, path, expected text or None)"""
    pages = []
    with open(data / "MANIFEST.tsv", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            path = data / row["file"]
            if path.suffix.lower() not in IMAGES or not path.exists():
                continue
            group = row["category"]
            if group == "syn-cover":
                pages.append((group, path, row["gt_kind"].removeprefix("expected: ")))
            elif group.startswith("barcode/") and group.split("/")[1] in SINGLE:
                truth = data / row["ground_truth"]
                if truth.exists():
                    pages.append((group, path, truth.read_text(errors="replace").strip()))
            elif group in WITHOUT_CODE:
                pages.append(("without a code", path, None))
    return pages


def plain(text):
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def same(found, expected, group):
    """The Codabar truths leave out the start and stop letters."""
    if plain(found) == plain(expected):
        return True
    return group == "barcode/codabar" and found[1:-1] == expected


def judge(pages, results):
    by_file = {}
    for line in results:
        entry = by_file.setdefault(line["file"], {"texts": [], "ms": 0})
        entry["texts"] += [code["text"] for code in line["codes"]]
        entry["ms"] += line["ms"]
    table = {}
    for group, path, expected in pages:
        row = table.setdefault(group, {"pages": 0, "read": 0, "wrong": 0, "ms": []})
        entry = by_file.get(str(path), {"texts": [], "ms": 0})
        row["pages"] += 1
        row["ms"].append(entry["ms"])
        hits = [expected is not None and same(text, expected, group) for text in entry["texts"]]
        row["read"] += any(hits)
        row["wrong"] += any(not hit for hit in hits)
    return table


def texts(results):
    return sorted(plain(code["text"]) for line in results for code in line["codes"])


def compare_separators(data, outguide, python, work):
    for pdf in sorted(data.glob("separator/*.pdf")):
        ours = texts(lines([outguide, "barcodes", "--json", pdf]))
        drawn = work / "separator" / pdf.stem
        drawn.mkdir(parents=True, exist_ok=True)
        subprocess.run(["pdftoppm", "-r", "300", "-png", pdf, drawn / "page"], check=True)
        zxing = texts(lines([python, "-c", ZXING, *sorted(map(str, drawn.glob("*.png")))]))
        both = len(set(ours) & set(zxing))
        print(f"{pdf.name:28}codes: outguide {len(ours)}, zxing-cpp {len(zxing)}, texts of both {both}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--outguide", type=pathlib.Path, default="target/release/outguide")
    parser.add_argument("--work", type=pathlib.Path, default="target/bench")
    args = parser.parse_args()
    if not (args.data / "MANIFEST.tsv").exists():
        sys.exit(f"{args.data} has no MANIFEST.tsv: say where the measuring pages are")
    args.work.mkdir(parents=True, exist_ok=True)
    pages = pages_of(args.data)
    files = [str(path) for _, path, _ in pages]
    started = time.monotonic()
    ours = judge(pages, lines([args.outguide, "barcodes", "--json", *files]))
    between = time.monotonic()
    python = zxing_python(args.work)
    zxing = judge(pages, lines([python, "-c", ZXING, *files]))
    ordinary = [str(path) for group, path, _ in pages if group == "without a code"]
    batch = lines(
        [args.outguide, "barcodes", "--json", "--profile", "inpatient-chart", *ordinary]
    )
    print(f"{'':28}{'pages':>6}{'outguide read/wrong/ms':>26}{'zxing-cpp read/wrong/ms':>27}")
    for group in ours:
        a, b = ours[group], zxing[group]
        print(
            f"{group:28}{a['pages']:6}"
            f"{a['read']:12}/{a['wrong']:3}/{statistics.median(a['ms']):8.0f}"
            f"{b['read']:13}/{b['wrong']:3}/{statistics.median(b['ms']):8.0f}"
        )
    ms = [line["ms"] for line in batch]
    print(
        f"ordinary page under inpatient-chart: median {statistics.median(ms):.0f} ms, "
        f"95th {sorted(ms)[int(len(ms) * 0.95)]:.0f} ms over {len(ms)} pages"
    )
    compare_separators(args.data, args.outguide, python, args.work)
    print(f"wall: outguide {between - started:.0f} s (hardest effort), zxing-cpp after it")


if __name__ == "__main__":
    main()
