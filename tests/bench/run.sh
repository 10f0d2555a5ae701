#!/usr/bin/env bash
# How fast a simulation is, at three sizes: wall seconds, peak memory and tasks per second of one run each.
# Not a test: machines are noisy, so compare ratios from one call. MOESIM=path/to/moesim to choose the build.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
moesim=${MOESIM:-$root/build/moesim}
scenario=$root/scenarios/deepseek-v3-h800-2048.toml
cut=(--set layers=16 --set dense_layers=0 --set mtp_layers=0 --set gpus=256 --set parallel.pipeline=4
    --set parallel.data=64 --set batch.global=1024 --set 'step.layers_per_stage=[4,4,4,4]')

measure() {
    local title=$1 folder
    shift
    folder=$(mktemp -d)
    "$moesim" run "$scenario" --quiet --out "$folder" "$@" || true
    python3 - "$title" "$folder" <<'P'
import json, sys
timing = json.load(open(sys.argv[2] + "/timing.json"))
tasks = json.load(open(sys.argv[2] + "/result.json"))["engine"]["tasks"]
seconds = sum(v for k, v in timing.items() if k.endswith("_s") and k not in ("total_s", "sensitivity_s"))
print(f"{sys.argv[1]:<44}{tasks:>9} tasks {seconds:>7.3f} s {tasks / seconds:>11,.0f} tasks/s")
P
    rm -rf "$folder"
}

measure "256 GPUs, folded" "${cut[@]}"
measure "256 GPUs, every rank" "${cut[@]}" --fold off
measure "256 GPUs, every rank, replay" "${cut[@]}" --fold off --engine replay
measure "2,048 GPUs, folded" --seed 0
