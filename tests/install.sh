#!/usr/bin/env bash
# What `cmake --install` puts under a prefix is enough to run every scenario without the source tree.
#     tests/install.sh BUILD PREFIX MOESIM ELSEWHERE
# PREFIX is emptied and installed into. ELSEWHERE is the program built for a source tree that does not
# exist and for the data under PREFIX; MOESIM is the usual one.
set -euo pipefail
build=$(realpath "$1") prefix=$(realpath -m "$2") moesim=$(realpath "$3") elsewhere=$(realpath "$4")
data=$prefix/share/moesim
status=0
complain() {
    echo "$*" >&2
    status=1
}

rm -rf "$prefix"
cd /  # so that no path relative to the source tree helps

# Without an installation nothing is found: otherwise what follows would prove nothing.
if "$elsewhere" model deepseek-v3 --quiet 2>/dev/null; then
    complain "found a model although nothing is installed"
fi

cmake --install "$build" --prefix "$prefix" >/dev/null
"$prefix/bin/moesim" --version >/dev/null || complain "the installed program does not start"

searched=$({ "$elsewhere" model no-such-model 2>&1 || true; } | sed -n "s|^help: searched ||p")
[[ $searched == "$data/models/zoo" ]] || complain "searched '$searched', not '$data/models/zoo'"

# The same names are known, and every scenario gives the same bytes.
diff <("$moesim" list --json -) <("$elsewhere" list --json -) ||
    complain "the installation knows other names than the source tree"
for scenario in "$data"/scenarios/*.toml; do
    cmp <("$moesim" run "$scenario" --engine replay --json - || echo failed) \
        <("$elsewhere" run "$scenario" --engine replay --json - || echo not installed) ||
        complain "$scenario gives another result when installed"
done
# Claims lie beside the scenarios.
cmp <("$moesim" validate --claims --json - || echo failed) \
    <("$elsewhere" validate --claims --json - || echo not installed) ||
    complain "claims are judged otherwise when installed"
exit $status
