#!/bin/sh
# Checks every PDF in the folders given against PDF/A-2b, with veraPDF.
#
#   conformance/run.sh [FOLDER…]
#
# Without a folder: target/test-pdfs, where the tests leave every PDF they make.
# Needs java and mvn (Debian: default-jre-headless maven). Maven brings veraPDF
# the first time; it stays in target/verapdf. Exit codes: 0 every file is valid,
# 1 one is not, 2 the check could not be made.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target="${CARGO_TARGET_DIR:-$here/../target}"
jars="$target/verapdf"

cannot() {
    echo "conformance: $1" >&2
    exit 2
}

[ $# -gt 0 ] || set -- "$target/test-pdfs"
for program in java mvn; do
    command -v "$program" >/dev/null ||
        cannot "$program not found; install default-jre-headless and maven"
done
for folder in "$@"; do
    [ -d "$folder" ] || cannot "$folder is not a folder; run the tests first"
done

version=$(sed -n 's:.*<version>\([0-9.]*\.[0-9.]*\)</version>.*:\1:p' "$here/pom.xml")
if [ ! -f "$jars/greenfield-apps-$version.jar" ]; then
    rm -rf "$jars"
    mvn --quiet --batch-mode --file "$here/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$jars" || cannot "Maven could not bring veraPDF $version"
fi

verapdf() {
    java -Xmx512m -cp "$jars/*" org.verapdf.apps.GreenfieldCliWrapper \
        --flavour 2b --format text --verbose "$@"
}

# A validator that passes the control checks nothing.
verapdf "$here/not-pdfa.pdf" 2>/dev/null | grep -q '^FAIL' ||
    cannot "veraPDF did not refuse $here/not-pdfa.pdf"

report=$(mktemp)
trap 'rm -f "$report"' EXIT
files=$(find "$@" -type f -name '*.pdf' | wc -l)
[ "$files" -gt 0 ] || cannot "no PDF in $*"
find "$@" -type f -name '*.pdf' -print0 | sort -z |
    xargs -0 -n 200 java -Xmx512m -cp "$jars/*" org.verapdf.apps.GreenfieldCliWrapper \
        --flavour 2b --format text --verbose >"$report" || true

valid=$(grep -c '^PASS' "$report" || true)
grep -v '^PASS' "$report" || true
echo "conformance: $valid of $files PDFs are valid PDF/A-2b (veraPDF $version)"
[ "$valid" -eq "$files" ]
