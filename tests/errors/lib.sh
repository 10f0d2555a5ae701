# Shared by run.sh and approve.sh: what moesim says about one malformed scenario.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
moesim=$(realpath "${MOESIM:-$root/build/moesim}")
if [[ ! -x $moesim ]]; then
    echo "no program at $moesim; set MOESIM" >&2
    exit 2
fi

# Standard error of `moesim run NAME.toml`, run in the root of the repository so that paths are the
# same everywhere; then a line with the exit status. A first line "# arguments: ..." of the scenario
# adds arguments (split at blanks). Folders of this machine are shortened.
complaint() {
    local file=tests/errors/$1.toml extra=() status=0 text
    read -ra extra < <(sed -n '1s/^# arguments: //p' "$root/$file" 2>/dev/null) || true
    text=$(cd "$root" && "$moesim" run "$file" ${extra[@]+"${extra[@]}"} 2>&1 >/dev/null) || status=$?
    text=${text//"$root"/<source>}
    sed -E 's|, [^ ,]*/share/moesim/[^,]*||' <<<"$text"
    echo "exit status $status"
}

# The scenarios, and approved texts without one: those are about a file that is not there.
names() {
    local file
    for file in "$here"/*.toml "$here"/*.approved; do
        file=${file##*/}
        echo "${file%.*}"
    done | sort -u
}
