#!/usr/bin/env bash
# The report as a browser shows it. Exit status 77 (skipped) without Chromium, node, or charts built in.
#     MOESIM=build/moesim tests/report/run.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
moesim=$(realpath "${MOESIM:-$root/build/moesim}")
skip() {
    echo "skipped: $*"
    exit 77
}

browser=
for name in chromium chromium-browser google-chrome; do
    browser=${browser:-$(command -v $name || true)}
done
[[ -n $browser ]] || skip "no Chromium here"
command -v node >/dev/null || skip "no node here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$moesim" run "$root/scenarios/deepseek-v3-h800-2048.toml" --engine replay --out "$work/run" --quiet
"$moesim" compare "$root/scenarios/mixtral-8x7b-h100-64.toml" --vary step.schedule=gpipe,zb-h1 \
    --engine replay --out "$work/compare" --quiet
grep -q "Apache ECharts" "$work/run/report.html" || skip "this program was built without the charts"
node "$here/check.mjs" "$browser" "$work/run/report.html" "$work/compare/report.html"
