#!/usr/bin/env bash
# Runs the console blocks of the README's walk-through as they stand, in a folder that looks like the
# repository, and compares what they print with what the README shows: every line of it is printed, whatever
# its figures, in whatever order ("..." stands for any lines).
#     MOESIM=build/moesim tests/walkthrough/run.sh [--print]
# --print: writes what the commands print, for the README.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
moesim=$(realpath "${MOESIM:-$root/build/moesim}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir build out
ln -s "$moesim" build/moesim
ln -s "$root/scenarios" "$root/tests" .
blocks=$work/blocks
awk '/^## / { on = $0 == "## A walk-through" } on' "$root/README.md" |
    awk '/^```/ { open = $0 == "```console"; next } open' >"$blocks"
grep -q '^\$ ' "$blocks" || {
    echo "the README has no walk-through" >&2
    exit 1
}

# Figures, bars and the width of blanks are not compared.
masked() { sed -E 's/(routing) [0-9a-f]{16}$/\1 N/; s/[-+]?[0-9][0-9.,]*/N/g; s/#+//g; s/[[:space:]]+/ /g; s/ $//'; }

status=0 command= shown=() any=0
export LC_ALL=C
check() {
    [[ -n $command ]] || return 0
    local got=0 line
    [[ ${print:-} ]] && printf '$ %s\n' "$command"
    # In this shell, so that `export` lasts; out of the pipe, so that its status does.
    eval "$command" >"$work/said" 2>&1 </dev/null || got=$?
    if ((got > 0)); then
        echo "exit status $got: $command" >&2
        cat "$work/said" >&2
        status=1
    fi
    [[ ${print:-} ]] && cat "$work/said"
    masked <"$work/said" >"$work/masked"
    for line in ${shown[@]+"${shown[@]}"}; do
        [[ $line == ... ]] && continue
        line=$(masked <<<"$line")
        if ! grep -qxF -e "$line" "$work/masked"; then
            echo "the README shows a line that is not printed: '$line', by: $command" >&2
            status=1
            break
        fi
    done
    command= shown=()
}

print=
[[ ${1:-} == --print ]] && print=1
while IFS= read -r line; do
    case $line in
        '$ '*)
            check
            command=${line#'$ '}
            ;;
        '> '*) command+=$'\n'${line#'> '} ;;
        '>') command+=$'\n' ;;
        *) shown+=("$line") ;;
    esac
done <"$blocks"
check
exit $status
