#!/bin/bash
# The package on a bare Debian 12: installed, its service's program run as the
# unit says until it ends in order, upgraded over its data, and taken away. It
# runs without capabilities, and may write where the unit and its drop-in say; the
# unit's other fences (devices, system calls) take a running systemd, and are not
# shown here.
#
#   deploy/test_deb.sh PACKAGE.deb [FOLDER]      default /tmp/outguide-deb
#
# Needs root, debootstrap and python3; touches nothing outside its folder. The
# bare Debian is kept as FOLDER/debian-12.tar for the next run.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
package=$(realpath "${1:?which package?}")
folder=${2:-/tmp/outguide-deb}
base=$folder/debian-12.tar
root=$folder/root
. "$repository/tests/bare_debian.sh"

inside() {
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -euc "$1"
}

as_station() {
    inside "cd / && runuser -u outguide -- $1"
}

say() { printf '%4d s  %s\n' "$SECONDS" "$1"; }

must() { # WHAT COMMAND
    if ! eval "$2"; then echo "FAILED: $1" >&2; exit 1; fi
    say "$1"
}

# The unit's program as its user, told of by a socket as systemd would; meanwhile
# the commands given are run as that user.
serve_and_end() {
    python3 - "$root" "$@" <<'PYTHON'
import glob, os, re, signal, socket, subprocess, sys, time

root, commands = sys.argv[1], sys.argv[2:]
unit = open(root + "/lib/systemd/system/outguide.service").read()
for drop_in in glob.glob(root + "/etc/systemd/system/outguide.service.d/*.conf"):
    unit += open(drop_in).read()
setting = lambda name: re.findall(r"^%s=(.*)$" % name, unit, re.M)
program, user = setting("ExecStart")[0], setting("User")[0]
notify = root + "/run/notify"
if os.path.exists(notify):
    os.remove(notify)
notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notices.bind(notify)
os.chmod(notify, 0o666)
environment = ["HOME=/var/lib/outguide", "PATH=/usr/sbin:/usr/bin", "NOTIFY_SOCKET=/run/notify",
               "WATCHDOG_USEC=15000000"] + setting("Environment")
# ProtectSystem=strict: everything is read-only but these, each a mount of its own.
writable = ["/var/lib/" + setting("StateDirectory")[0], "/run/" + setting("RuntimeDirectory")[0]]
writable += [path.strip("\"'").lstrip("-") for path in setting("ReadWritePaths")]
writable = [root + path for path in writable if os.path.isdir(root + path)]
fence = """
mount --rbind "$0" "$0"
mount -o remount,bind,ro "$0"
for folder; do
    mount --bind "$folder" "$folder"
    mount -o remount,bind,rw "$folder"
done
"""
begun = time.monotonic()
station = "umask %s; exec setpriv --reuid=%s --regid=%s --init-groups --no-new-privs " \
    "--inh-caps=-all --bounding-set=-all env -i WATCHDOG_PID=$$ %s %s" \
    % (setting("UMask")[0], user, user, " ".join(environment), program)
daemon = subprocess.Popen(
    ["unshare", "--mount", "bash", "-euc", fence + "exec chroot \"$0\" bash -c '%s'" % station, root]
    + writable)
told = []

def wait_for(notice, limit):
    notices.settimeout(limit)
    while notice not in told:
        told.extend(notices.recv(4096).decode().split("\n"))
    told.remove(notice)
    print("        %s after %.2f s" % (notice, time.monotonic() - begun), flush=True)

try:
    wait_for("READY=1", 60)
    wait_for("WATCHDOG=1", 60)
    wait_for("WATCHDOG=1", 60)
    health = subprocess.run(
        ["chroot", root, "runuser", "-u", user, "--", "outguide", "backlog", "--json"],
        capture_output=True, text=True)
    print("        backlog: " + (health.stdout or health.stderr).strip())
    assert health.returncode == 0, health
    for command in commands:
        subprocess.run(["chroot", root, "runuser", "-u", user, "--"] + command.split(), check=True,
                       cwd="/")
    daemon.send_signal(signal.SIGTERM)
    wait_for("STOPPING=1", 60)
    code = daemon.wait(90)
    print("        ended with %d after %.2f s" % (code, time.monotonic() - begun))
    sys.exit(code)
finally:
    if daemon.poll() is None:
        daemon.kill()
PYTHON
}

# The same package under the next version's number.
next_version() {
    rm -rf "$folder/next"
    dpkg-deb -R "$package" "$folder/next"
    sed -i 's/^Version: .*/&+next/' "$folder/next/DEBIAN/control"
    # What a newer version ships otherwise: the administrator's file stays.
    echo '# of the next version' >> "$folder/next/etc/outguide/station.toml"
    (cd "$folder/next" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' |
        sort -z | xargs -0 md5sum > DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$folder/next" "$root/root/next.deb" >/dev/null
    rm -rf "$folder/next"
}

hashes() { (cd "$root/var/lib/outguide" && find spool staging-owner -type f | sort | xargs sha256sum); }

[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
# In mounts of our own, which end with us.
[[ -n ${OWN_MOUNTS:-} ]] || OWN_MOUNTS=1 exec unshare --mount "$0" "$@"
mkdir -p "$folder"
[[ -e $base ]] || bare_debian
start_afresh
cp "$package" "$root/root/outguide.deb"
cp "$repository/fixtures/pages/progress-note.png" "$root/root/page.png"
say "a bare Debian 12"

inside 'apt-get update -q && apt-get install -q -y --no-install-recommends /root/outguide.deb' \
    > "$folder/install.log" 2>&1 || { tail -30 "$folder/install.log"; exit 1; }
say "installed"
must "user and groups are there" "inside 'id -nG outguide' | grep -qw scanner"
must "the state folder is the station's alone" \
    "[[ \$(inside 'stat -c %U:%G:%a /var/lib/outguide') == outguide:outguide:700 ]]"
must "the unit is sound" "[[ -z \$(inside 'systemd-analyze verify outguide.service' 2>&1) ]]"
must "the service is enabled" "inside 'systemctl is-enabled -q outguide'"
must "the socket is where clerks reach it" "grep -q '^socket = \"/run/outguide/socket\"' \
    '$root/etc/outguide/station.toml'"
serve_and_end
say "served, and ended in order"

inside 'install -d -o outguide -g outguide /srv/repository /srv/repository/incoming /srv/backup'
# The first is the repository's; those of hot folders follow.
sed -i '0,/^#! dir = .*/s||dir = "/srv/repository/incoming"|' "$root/etc/outguide/station.toml"
inside 'install -m 644 /root/page.png /srv/page.png'
as_station 'outguide capture --profile plain-pages --from /srv/page.png' > "$folder/capture.log" 2>&1 ||
    { cat "$folder/capture.log"; exit 1; }
say "a page is filed"
as_station 'outguide backup --to /srv/backup'
before=$(hashes)

next_version
inside 'apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold \
    /root/next.deb' > "$folder/upgrade.log" 2>&1 || { tail -30 "$folder/upgrade.log"; exit 1; }
must "upgraded" "inside 'dpkg-query -W outguide' | grep -q +next"
must "the data is what it was" "[[ \$(hashes) == '$before' ]]"
must "the administrator's settings are" \
    "grep -q '^dir = \"/srv/repository/incoming\"' '$root/etc/outguide/station.toml'"
must "the service may write in the repository" "grep -qF 'ReadWritePaths=\"-/srv/repository\"' \
    '$root/etc/systemd/system/outguide.service.d/folders.conf'"
must "the unit with it is sound" "[[ -z \$(inside 'systemd-analyze verify outguide.service' 2>&1) ]]"
serve_and_end 'outguide capture --profile plain-pages --from /srv/page.png' \
    'outguide backup --to /srv/backup'
must "what was filed is" "as_station 'outguide verify /srv/repository/incoming \
    --state /var/lib/outguide'"

inside 'mv /var/lib/outguide /var/lib/outguide.before; systemd-tmpfiles --create outguide.conf || true'
as_station 'outguide restore --from /srv/backup'
must "put back from its backup" "as_station 'outguide verify /srv/repository/incoming \
    --state /var/lib/outguide --all-must-be-there'"
serve_and_end

inside 'dpkg --purge outguide' > "$folder/purge.log" 2>&1 || { cat "$folder/purge.log"; exit 1; }
must "taken away, the scanned pages stay" "[[ -n \$(ls '$root/var/lib/outguide/spool') && \
    ! -e '$root/usr/bin/outguide' && ! -e '$root/etc/outguide/station.toml' ]]"
say "all is well"
