#!/usr/bin/env bash
# What becomes of output that cannot be written: a clear message, nothing half-written, nothing left
# behind, the right exit status; and what a terminal is shown, and what a pipe is not.
#     MOESIM=build/moesim tests/output/run.sh
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
moesim=$(realpath "${MOESIM:-$root/build/moesim}")
scenario=$root/scenarios/mixtral-8x7b-h100-64.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
complain() {
    echo "FAILED: $*" >&2
    status=1
}

# expect STATUS WORDS COMMAND...: the exit status, and words that standard error has.
expect() {
    local wanted=$1 words=$2 got=0 said
    shift 2
    said=$("$@" 2>&1 >"$work/stdout") || got=$?
    [[ $got == "$wanted" ]] || complain "exit status $got, not $wanted: $* ($said)"
    [[ $said == *"$words"* ]] || complain "no '$words' in: $said"
}
# Nothing but these names in a folder.
only() {
    local folder=$1 found
    shift
    found=$(cd "$folder" && find . -mindepth 1 | sort | tr '\n' ' ')
    [[ $found == "$(printf './%s\n' "$@" | sort | tr '\n' ' ')" ]] || complain "in $folder: $found"
}
run=("$moesim" run "$scenario" --engine replay)

# A file where a folder should be; a folder where a file should be; both told before the work.
mkdir "$work/a"
echo mine >"$work/a/file"
expect 2 "file: error: cannot write" "${run[@]}" --out "$work/a/file"
expect 2 "file" "${run[@]}" --out "$work/a/file/below"
expect 2 "a: error: cannot write: is a directory" "${run[@]}" --json "$work/a"
mkdir "$work/a/result.json"
expect 2 "result.json: error: cannot write: is a directory" "${run[@]}" --out "$work/a"
rmdir "$work/a/result.json"
only "$work/a" file
[[ $(<"$work/a/file") == mine ]] || complain "a file in the way was changed"

# A folder that may not be written to. Root may, wherever the system allows it at all: /proc never does.
expect 2 "error: cannot write" "${run[@]}" --out /proc/moesim
expect 2 "error: cannot write" "${run[@]}" --json /proc/moesim.json

# A full disk: a file limit stands for it. SIGXFSZ is ignored so that the write fails.
mkdir "$work/full"
echo old >"$work/full/result.json"
expect 2 "error: cannot write" bash -c 'trap "" XFSZ; ulimit -f 8; exec "$@"' - "${run[@]}" --out "$work/full"
only "$work/full" result.json
[[ $(<"$work/full/result.json") == old ]] || complain "a result was replaced although the disk was full"
expect 2 "cannot write: No space left" bash -c '"$@" >/dev/full' - "${run[@]}"
expect 2 "cannot write: No space left" bash -c '"$@" --json - >/dev/full' - "${run[@]}"

# Nobody reads on.
expect 2 "cannot write: Broken pipe" bash -c '"$@" --json - | true; exit ${PIPESTATUS[0]}' - "${run[@]}"

# An older result is replaced as a whole.
mkdir "$work/out"
echo old >"$work/out/result.json"
expect 0 "" "${run[@]}" --out "$work/out" --quiet
[[ -s $work/stdout ]] && complain "--quiet printed something"
grep -q '"schema": "moesim.result/1"' "$work/out/result.json" || complain "result.json is not the new one"
find "$work/out" -name '*.tmp' | grep -q . && complain "temporary files stay behind"

# Ctrl-C while files are written and while the simulation runs: no temporary file, the old result kept,
# and the shell sees a process that died of the signal.
long=("$moesim" compare "$root/scenarios/placement-comparison.toml" --jobs 2 --out "$work/killed")
for signal in INT TERM; do
    for delay in 0.05 0.3 1; do
        mkdir "$work/killed"
        code=0
        timeout --preserve-status --signal=$signal --kill-after=20 $delay "${long[@]}" \
            >"$work/stdout" 2>"$work/said" || code=$?
        case $code in
            0 | 130 | 143) ;;  # 0: it was quicker
            *) complain "after $delay s SIG$signal gives exit status $code: $(<"$work/said")" ;;
        esac
        sleep 0.3  # whoever is left would speak now
        [[ -s $work/said && $(grep -v '^$' "$work/said") != "moesim: interrupted; "* ]] &&
            complain "SIG$signal: $(<"$work/said")"
        (($(grep -c . "$work/said") > 1)) && complain "SIG$signal: $(<"$work/said")"
        find "$work/killed" -name '*.tmp' | grep -q . && complain "SIG$signal leaves temporary files"
        rm -r "$work/killed"
    done
done

# --json -: standard output is JSON and nothing else.
expect 0 "" "${run[@]}" --json -
head -c 1 "$work/stdout" | grep -q '{' || complain "--json - does not begin with JSON"
tail -c 2 "$work/stdout" | grep -q '}' || complain "--json - does not end with JSON"

# Colour and progress on a terminal only, no colour under NO_COLOR.
expect 0 "" "${run[@]}"
grep -q $'\x1b' "$work/stdout" && complain "colour in a pipe"
awk 'length($0) > 80 { exit 1 }' "$work/stdout" || complain "a line of more than 80 columns"
if command -v script >/dev/null; then
    terminal() { env "$@" TERM=xterm script -qec "$(printf '%q ' "${run[@]}")" /dev/null </dev/null; }
    terminal -u NO_COLOR | grep -q $'\x1b\[1m' || complain "no colour on a terminal"
    terminal NO_COLOR=1 | grep -q $'\x1b\[1m' && complain "colour under NO_COLOR"
fi
exit $status
