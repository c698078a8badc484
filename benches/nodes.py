#!/usr/bin/env python3
"""How much a second node helps: pages read by one node and by two.

    benches/nodes.py [--pages 60] [--outguide target/release/outguide]
                     [--driver target/release/examples/libsane_folder.so]
                     [--work target/bench]

A desk and an OCR node share a PostgreSQL database of Debian's and a spool. Each
node is pinned to a processor of its own and has one OCR worker; the database
runs where it likes. The same stack is scanned and read by the desk alone and by
both, in turn; the time is from the first page kept to the last page read. The
median of the pairs' ratios is held against the aim of 1.7.
"""

import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import batch_memory
import station

AIM = 1.7
PAIRS = 3


def main():
    options = batch_memory.arguments(pages=60)
    room = options.work.resolve() / "nodes"
    shutil.rmtree(room, ignore_errors=True)
    for name in ("feeder", "pages", "sane", "drivers"):
        (room / name).mkdir(parents=True)
    batch_memory.lay_in(room, options)
    (room / "sane" / "dll.conf").write_text("folder\n")
    (room / "drivers" / "libsane-folder.so.1").symlink_to(options.driver.resolve())
    with Postgres() as database:
        ratios = []
        for pair in range(PAIRS):
            alone = run(room / f"alone-{pair}", room, options, database, nodes=1)
            both = run(room / f"both-{pair}", room, options, database, nodes=2)
            print(f"{options.pages} pages: one node {alone:.1f} s, two {both:.1f} s, "
                  f"{alone / both:.2f} times as fast")
            ratios.append(alone / both)
    ratio = statistics.median(ratios)
    print(f"two nodes are {ratio:.2f} times as fast as one (aim {AIM})")
    shutil.rmtree(room)
    if ratio < AIM:
        sys.exit(1)


def run(folder, room, options, database, nodes):
    """Seconds from the first page kept to the last page read."""
    url = database.new(folder.name.replace("-", "_"))
    (folder / "repository").mkdir(parents=True)
    (folder / "spool").mkdir()
    environment = dict(
        os.environ, SANE_CONFIG_DIR=str(room / "sane"), LD_LIBRARY_PATH=str(room / "drivers"),
        OUTGUIDE_SANE_FOLDER=str(room / "feeder"),
        OUTGUIDE_SANE_FOLDER_CURSOR=str(folder / "cursor"))
    started = [serve(folder, options, environment, url, "desk", processor=0)]
    if nodes == 2:
        started.append(serve(folder, options, environment, url, "node", processor=1))
    desk = folder / "desk"
    order = {"profile": "plain-pages", "scanner": "folder:adf", "closed_by": "stack-end",
             "repository": str(folder / "repository")}
    batch = station.ask(desk, "POST", "/batches", order)["id"]
    first = None
    while True:
        shown = station.ask(desk, "GET", f"/batches/{batch}")
        if first is None and shown["pages"] > 0:
            first = time.monotonic()
        if shown["pages_read"] == options.pages:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - first
    for daemon in started:
        daemon.terminate()
    for daemon in started:
        daemon.wait()
    return seconds


def serve(folder, options, environment, url, name, processor):
    state = folder / name / "state"
    state.mkdir(parents=True)
    settings = folder / name / "station.toml"
    settings.write_text(
        f'[station]\nid = "{name}"\nshared_spool = "{folder / "spool"}"\n'
        f'[store]\nurl = "{url}"\n[ocr]\nworkers = 1\n')
    role = ["--role", "ocr"] if name == "node" else []
    daemon = subprocess.Popen(
        ["taskset", "--cpu-list", str(processor), str(options.outguide.resolve()), "serve",
         "--state", str(state), "--station", str(settings), *role],
        env=environment, stderr=open(folder / name / "log", "w"))
    while not (state / "socket").exists():
        if daemon.poll() is not None:
            sys.exit((folder / name / "log").read_text())
        time.sleep(0.05)
    return daemon


class Postgres:
    """Debian's, on a socket in a folder of its own; as nobody where we are root."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.folder.chmod(0o755)
        self.user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        for name in ("data", "socket"):
            (self.folder / name).mkdir(mode=0o700)
            if self.user:
                nobody = pwd.getpwnam("nobody")
                os.chown(self.folder / name, nobody.pw_uid, nobody.pw_gid)
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs:
            sys.exit("PostgreSQL is not there: make deps")
        self.programs = programs[-1]
        self.call("initdb", "--auth=trust", "--username=outguide", "--encoding=UTF8",
                  "--no-locale", "--pgdata", self.folder / "data")
        self.server = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", "-k",
             self.folder / "socket", "-c", "listen_addresses="],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)
        while subprocess.call(self.psql("SELECT 1"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) != 0:
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder)

    def new(self, name):
        subprocess.check_call(self.psql(f"CREATE DATABASE {name}"))
        return f"postgres:///{name}?host={self.folder / 'socket'}&user=outguide"

    def psql(self, statement):
        return [self.programs / "psql", "-h", self.folder / "socket", "-U", "outguide", "-tAq",
                "postgres", "-c", statement]

    def call(self, program, *arguments):
        subprocess.check_call([self.programs / program, *arguments], cwd=self.folder,
                              stdout=subprocess.DEVNULL, **self.user)


if __name__ == "__main__":
    main()
