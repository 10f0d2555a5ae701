#!/usr/bin/env bash
# Everything that can be tested here: unit tests, error messages, every scenario, the installed program.
# Installs what is missing on Debian 12, builds in build/, ends in ctest's summary. JOBS=N limits the
# cores; further arguments go to ctest: bash tests/run.sh -L unit
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"

install_packages
build_in "$root/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON -- all
ctest --test-dir "$root/build" --parallel "${JOBS:-$(nproc)}" --output-on-failure "$@"
