# Shared by scenarios/quickstart.sh, tests/run.sh and .ci/run: what a build needs, and the build.
# To be sourced; sets `root` and offers install_packages, build_in FOLDER [CMAKE OPTION...] -- [TARGET...].

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=(g++ cmake ninja-build pkg-config libsimgrid-dev libboost-dev libfmt-dev
    libtomlplusplus-dev nlohmann-json3-dev libcli11-dev zlib1g-dev libsqlite3-dev libglpk-dev
    libmetis-dev catch2)
# For the charts of the report, which are bundled by npm; without them it has tables and drawings.
wished=(nodejs npm)

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# True when everything is there although no apt says so: another system, or self-built libraries.
have_everything() {
    local tool header
    for tool in c++ cmake pkg-config; do
        command -v "$tool" >/dev/null || return 1
    done
    pkg-config --exists simgrid tomlplusplus zlib || return 1
    for header in boost/graph/graph_traits.hpp glpk.h metis.h fmt/format.h nlohmann/json.hpp CLI/CLI.hpp \
        catch2/catch.hpp; do
        c++ -std=c++20 -E -include "$header" -x c++ /dev/null >/dev/null 2>&1 || return 1
    done
}

# Installs `wished` by the given apt-get where nothing of the kind is there; going without is fine.
wish() {
    command -v npm >/dev/null && return
    echo "Installing ${wished[*]}, for the charts of the report"
    { "$@" update || true; "$@" install -y --no-install-recommends "${wished[@]}"; } >/dev/null 2>&1 ||
        echo "Going without: the report will have tables and drawings, no interactive charts."
}

# Installs what is missing, on Debian and its relatives; silent when nothing is.
install_packages() {
    local missing=() package as_root=()
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        have_everything && return
        fail "This script can install packages on Debian 12 only. Here, please install these first:" \
            "  a C++20 compiler, CMake 3.25, pkg-config, Ninja or make, SimGrid 3.32, Boost 1.74 (Graph)," \
            "  fmt 9, toml++ 3.3, nlohmann-json 3.11, CLI11 2.1, zlib, GLPK, METIS, Catch2 2.13 (version 2, not 3)" \
            "On Debian they are called: ${packages[*]}" \
            "README.md, section 'Install, and other systems', says more."
    fi
    for package in "${packages[@]}"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    if ((!${#missing[@]})); then
        if ((EUID == 0)); then wish env DEBIAN_FRONTEND=noninteractive apt-get -qq; fi
        return 0
    fi

    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            fail "These packages are missing, and only root can install them:" "  ${missing[*]}" \
                "Run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    local log apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    log=$(mktemp)
    # Lists that another vendor fails to serve are no reason to stop: what counts is the install.
    "${apt[@]}" update >"$log" 2>&1 || true
    if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: ${missing[*]}" \
            "moesim is made for Debian 12; README.md, section 'Install, and other systems', says what it needs."
    fi
    rm -f "$log"
    wish "${apt[@]}"
}

# Configures FOLDER (only Ninja or make is remembered from an earlier time) and builds the targets
# with all cores; prints the log of a build that fails, a line otherwise.
build_in() {
    local folder=$1 options=() log
    shift
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    if [[ ! -e $folder/CMakeCache.txt ]] && command -v ninja >/dev/null; then
        options+=(-G Ninja)
    fi
    log=$folder/build.log
    mkdir -p "$folder"
    echo "Building in ${folder#"$root"/} (log: ${log#"$root"/})"
    if ! cmake -S "$root" -B "$folder" "${options[@]}" >"$log" 2>&1 ||
        ! cmake --build "$folder" --parallel "${JOBS:-$(nproc)}" --target "$@" >>"$log" 2>&1; then
        grep -E -A 12 'error|Error|FAILED' "$log" | head -n 60 >&2 || tail -n 40 "$log" >&2
        fail "The build failed; all of it is in $log"
    fi
}
