#!/usr/bin/env bash
# From a fresh Debian 12 to the first result: installs what is missing, builds, and runs DeepSeek-V3 on
# 2,048 H800. Running it again is harmless and quick. JOBS=N limits the cores of the build.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"
cd "$root"

scenario=scenarios/deepseek-v3-h800-2048.toml
out=out/deepseek-v3-h800-2048

install_packages
build_in "$root/build" -DCMAKE_BUILD_TYPE=Release -- moesim

echo "Running $scenario"
echo
status=0
build/moesim run "$scenario" --out "$out" || status=$?  # 1: done, but it does not fit the memory
((status <= 1)) || exit $status
echo
for file in "$out"/*; do
    case $(basename "$file") in
        report.html) echo "report    $file (open it in a browser)" ;;
        result.json) echo "result    $file" ;;
        timeline.json.gz) echo "timeline  $file (open it in ui.perfetto.dev)" ;;
        *) echo "          $file" ;;
    esac
done
exit $status
