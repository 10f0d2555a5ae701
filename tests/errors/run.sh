#!/usr/bin/env bash
# Every malformed scenario here gets the approved message and exit status 2.
#     MOESIM=build/moesim tests/errors/run.sh [NAME...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

failed=0 count=0
while read -r name; do
    count=$((count + 1))
    approved=$here/$name.approved
    found=$(complaint "$name")
    if [[ $found != *$'\nexit status 2' ]]; then
        printf '%s: expected exit status 2, found:\n%s\n' "$name" "$found"
        failed=$((failed + 1))
    elif [[ ! -e $approved ]]; then
        printf '%s: nothing approved yet, found:\n%s\n' "$name" "$found"
        failed=$((failed + 1))
    elif ! diff -u --label "$name.approved" --label found "$approved" - <<<"$found"; then
        failed=$((failed + 1))
    fi
done < <(if (($#)); then printf '%s\n' "$@"; else names; fi)

echo "$count malformed scenarios, $failed with another message than the approved one"
((failed == 0))
