#!/usr/bin/env python3
"""The running station: how fast paper comes in, what it takes, how fast it is up.

    benches/station.py [--pages 240] [--outguide target/release/outguide]
                       [--driver target/release/examples/libsane_folder.so]
                       [--work target/bench]

1. From the first page kept to the last: images a second, letter pages of 8-bit
   gray at 300 dpi through libsane, each durable before the next, while words
   are read behind. The aim is 5.3, a feeder of 160 images a minute on two sides.
2. Resident memory of the daemon alone at the end of that, and processor time
   over ten idle seconds.
3. From the start of the program to READY=1 with 100,000 filed batches and half
   a million pages in the store; the median of five.
"""

import json
import os
import pathlib
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time

import batch_memory

AIM_IMAGES_PER_S = 5.3
AIM_MB = 150
AIM_START_S = 0.5
BATCHES = 100_000


def main():
    options = batch_memory.arguments()
    room = options.work.resolve() / "station"
    shutil.rmtree(room, ignore_errors=True)
    for name in ("feeder", "pages", "sane", "drivers", "repository"):
        (room / name).mkdir(parents=True)
    batch_memory.lay_in(room, options)
    (room / "sane" / "dll.conf").write_text("folder\n")
    (room / "drivers" / "libsane-folder.so.1").symlink_to(options.driver.resolve())
    environment = dict(
        os.environ, SANE_CONFIG_DIR=str(room / "sane"), LD_LIBRARY_PATH=str(room / "drivers"),
        OUTGUIDE_SANE_FOLDER=str(room / "feeder"), OUTGUIDE_SANE_FOLDER_CURSOR=str(room / "cursor"))
    daemon, _ = serve(room, options, environment)
    acquire(room, daemon)
    idle(daemon)
    daemon.terminate()
    daemon.wait()
    fill(room / "state" / "outguide.db")
    starts = []
    for _ in range(5):
        daemon, seconds = serve(room, options, environment)
        starts.append(seconds)
        daemon.terminate()
        daemon.wait()
    start = statistics.median(starts)
    print(f"start to ready with {BATCHES:,} batches: {start:.3f} s (aim {AIM_START_S})")
    shutil.rmtree(room)


def serve(room, options, environment):
    told = room / "notices"
    told.unlink(missing_ok=True)
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(told))
    notices.settimeout(60)
    started = time.monotonic()
    daemon = subprocess.Popen(
        [str(options.outguide.resolve()), "serve", "--state", str(room / "state")],
        env=dict(environment, NOTIFY_SOCKET=str(told)), stderr=subprocess.DEVNULL)
    while b"READY=1" not in notices.recv(1024):
        pass
    return daemon, time.monotonic() - started


def acquire(room, daemon):
    order = {"profile": "plain-pages", "scanner": "folder:adf", "closed_by": "stack-end",
             "repository": str(room / "repository")}
    batch = ask(room, "POST", "/batches", order)["id"]
    first = last = pages = None
    read_meanwhile = 0
    for event in events(room, batch):
        now = time.monotonic()
        if event.get("event") == "page-kept":
            first, last, pages = first or now, now, event["page"]
        if event.get("event") == "page-read" and event["page"] and pages is not None:
            read_meanwhile += 1
        state = event.get("standing", {}).get("state")
        if state == "processing":
            break
    rate = (pages - 1) / (last - first)
    print(f"{pages} pages kept at {rate:.2f} images a second (aim {AIM_IMAGES_PER_S}), "
          f"{read_meanwhile} of them read meanwhile")
    for event in events(room, batch):
        if event.get("standing", {}).get("state") == "filed":
            break
    kib = status(daemon, "VmRSS")
    print(f"resident memory of the daemon: {kib / 1000:.0f} MB (aim {AIM_MB})")


def idle(daemon):
    before = ticks(daemon)
    time.sleep(10)
    spent = (ticks(daemon) - before) / os.sysconf("SC_CLK_TCK")
    print(f"idle: {spent * 10:.2f} % of a processor")


def status(daemon, key):
    for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    sys.exit(f"no {key}")


def ticks(daemon):
    fields = pathlib.Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def send(room, method, path, body=None):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(room / "state" / "socket"))
    text = json.dumps(body) if body is not None else ""
    connection.sendall(
        f"{method} {path} HTTP/1.1\r\nHost: station\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
    return connection.makefile("rb")


def ask(room, method, path, body=None):
    answer = send(room, method, path, body).read().split(b"\r\n\r\n", 1)
    return json.loads(answer[1])


def events(room, batch):
    for line in send(room, "GET", f"/batches/{batch}/events"):
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def fill(database):
    """Batches as if filed long ago, with five pages each."""
    store = sqlite3.connect(database)
    trigger = store.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'page_comes_while_scanning'").fetchone()[0]
    store.execute("DROP TRIGGER page_comes_while_scanning")
    store.execute("""
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO batch (id, state, profile_name, profile_text, station, paper_from,
            scanner_options, repository, filing_staging, closed_by, opened_at)
        SELECT printf('2025%02d%02d-%02d%02d%02d-%04x', 1 + i / 10000, 1 + (i / 400) % 25,
            (i / 3600) % 24, (i / 60) % 60, i % 60, i % 65536),
            'filed', 'p', 'p', 'station', 'scanner', '[]', '/r', '/.outguide', 'stack-end',
            '2025-01-01T00:00:00Z' FROM n""", (BATCHES - 1,))
    store.execute("""
        INSERT INTO page (batch_id, page_no, sheet, side, sides, file, sha256, bytes,
            scanned_at, image)
        SELECT id, p.n, p.n, 'front', 'front', printf('%04d.png', p.n), printf('%064d', p.n),
            100000, opened_at, p.n
        FROM batch, (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5) p
        WHERE batch.id < '2026'""")
    store.execute(trigger)
    store.commit()
    store.close()


if __name__ == "__main__":
    main()
