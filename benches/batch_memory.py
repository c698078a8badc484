#!/usr/bin/env python3
"""Memory and pages a minute of a batch of 500 pages, fed through libsane.

    benches/batch_memory.py [--pages 500] [--outguide target/release/outguide]
                            [--driver target/release/examples/libsane_folder.so]
                            [--work target/bench]

The stack is fixtures/pages over and over, as letter pages of 8-bit gray in the
folder that our own libsane backend serves. One batch, one document of all its
pages, words and all. Memory is the highest sum of PSS over the whole process
tree (station, scan worker, OCR workers), sampled five times a second.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import barcodes
import convert

AIM_MB = 600

TO_PNM = """
import sys
from PIL import Image
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    page = Image.open(source)
    dpi = round(page.info.get("dpi", (300, 300))[0])
    page = page.convert("L").resize((2550, 3300)) if dpi != 300 else page.convert("L")
    page.save(target)
"""


def main():
    options = arguments()
    for needed in (options.outguide, options.driver):
        if not needed.exists():
            sys.exit(f"{needed} is not there: cargo build --release --bins --example sane_folder")
    room = options.work.resolve() / "batch"
    shutil.rmtree(room, ignore_errors=True)
    for name in ("feeder", "pages", "sane", "drivers", "repository"):
        (room / name).mkdir(parents=True)
    lay_in(room, options)
    (room / "sane" / "dll.conf").write_text("folder\n")
    (room / "drivers" / "libsane-folder.so.1").symlink_to(options.driver.resolve())
    environment = dict(
        os.environ, SANE_CONFIG_DIR=str(room / "sane"), LD_LIBRARY_PATH=str(room / "drivers"),
        OUTGUIDE_SANE_FOLDER=str(room / "feeder"), OUTGUIDE_SANE_FOLDER_CURSOR=str(room / "cursor"))
    watch = convert.MemoryWatch()
    started = time.monotonic()
    process = subprocess.Popen(
        [str(options.outguide.resolve()), "capture", "--json", "--profile", "plain-pages",
         "--scanner", "folder:adf", "--repository", str(room / "repository"),
         "--state", str(room / "state")],
        env=environment, stdout=subprocess.PIPE)
    watch.add(process.pid)
    told, _ = process.communicate()
    seconds = time.monotonic() - started
    watch.stop()
    if process.returncode != 0:
        sys.exit(f"capture ended with {process.returncode}")
    pages = json.loads(told)["pages"]
    peak = watch.peak / 1e6
    print(f"{pages} pages in {seconds:.0f} s ({pages / seconds * 60:.0f} a minute), "
          f"peak {peak:.0f} MB (aim {AIM_MB}: {convert.verdict(peak < AIM_MB)})")
    shutil.rmtree(room)


def arguments(pages=500):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=pages)
    parser.add_argument("--outguide", type=pathlib.Path,
                        default=pathlib.Path("target/release/outguide"))
    parser.add_argument("--driver", type=pathlib.Path,
                        default=pathlib.Path("target/release/examples/libsane_folder.so"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("target/bench"))
    return parser.parse_args()


def lay_in(room, options):
    sources = sorted(path for path in pathlib.Path("fixtures/pages").iterdir()
                     if path.suffix in (".png", ".jpg"))
    targets = [room / "pages" / f"{source.stem}.pgm" for source in sources]
    pairs = [str(path) for pair in zip(sources, targets) for path in pair]
    subprocess.run([barcodes.zxing_python(options.work), "-c", TO_PNM, *pairs], check=True)
    for no in range(options.pages):
        (room / "feeder" / f"{no + 1:04}.pnm").symlink_to(targets[no % len(targets)])


if __name__ == "__main__":
    main()
