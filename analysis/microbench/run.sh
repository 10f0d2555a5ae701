#!/usr/bin/env bash
# Builds the microbenchmarks with CUDA's nvcc and nothing else, and runs them: the trace goes to
# traces/<device>.csv beside this file. Can be interrupted and repeated; it goes on where it was.
#   bash analysis/microbench/run.sh [--build-only] [--dry-run] [--ops A,B] [--out FILE] ...
# ARCH=90 chooses the target (default: the GPU at hand, else 80, 90 and 100), BUILD=DIR the folder for
# objects, JOBS=N the number of compilers at a time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build-microbench}

for nvcc in "${NVCC:-}" nvcc "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ''; do
    [[ -n $nvcc ]] && command -v "$nvcc" >/dev/null && break
done
if [[ -z $nvcc ]]; then
    echo "run.sh: no nvcc: install CUDA's toolkit, or name it: NVCC=/path/to/nvcc" >&2
    exit 1
fi

arch=${ARCH:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d . || true)}
targets=()
for one in ${arch:-80 90 100}; do
    targets+=("-gencode=arch=compute_$one,code=sm_$one")
done
flags=(-std=c++20 -O3 "-I$root" "-DMOESIM_TRACES=\"$here/traces\"" -Xcompiler=-Wall,-Wextra)

mkdir -p "$build"
echo "Building in $build for ${arch:-80 90 100}"
objects=()
stale=()
for source in "$here"/*.cpp "$here"/*.cu; do
    object=$build/$(basename "$source").o
    objects+=("$object")
    if [[ ! -e $object || -n $(find "$here" -newer "$object" \( -name '*.?pp' -o -name '*.cu*' \) -print -quit) ]]; then
        stale+=("$source")
    fi
done
if ((${#stale[@]})); then
    printf '%s\n' "${stale[@]}" | xargs -P "${JOBS:-$(nproc)}" -I '{}' sh -c \
        'source=$1; build=$2; shift 2; exec "$@" -c "$source" -o "$build/$(basename "$source").o"' \
        sh '{}' "$build" "$nvcc" "${targets[@]}" "${flags[@]}"
    "$nvcc" "${targets[@]}" "${objects[@]}" -o "$build/moesim-microbench" -lcublasLt
fi
if [[ ${1:-} != --build-only ]]; then
    exec "$build/moesim-microbench" "$@"
fi
