#!/usr/bin/env bash
# Approves what moesim says now; `git diff` shows what changed, the commit says why.
#     MOESIM=build/moesim tests/errors/approve.sh [NAME...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

refused=0
while read -r name; do
    found=$(complaint "$name")
    if [[ $found == *$'\nexit status 2' ]]; then
        printf '%s\n' "$found" >"$here/$name.approved"
    else
        printf '%s: not approved, since it does not end in exit status 2:\n%s\n' "$name" "$found" >&2
        refused=1
    fi
done < <(if (($#)); then printf '%s\n' "$@"; else names; fi)
exit $refused
