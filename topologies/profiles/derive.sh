#!/usr/bin/env bash
# The kernel tables of this folder from public measurements:
#
#   bash topologies/profiles/derive.sh TABLES [MOESIM]
#
# TABLES/aiconfigurator holds the CSV tables of ai-dynamo/aiconfigurator, TABLES/vidur those of
# microsoft/vidur; MOESIM is the program (build/moesim).
set -euo pipefail

tables=${1:?usage: derive.sh TABLES [MOESIM]}
moesim=${2:-build/moesim}
out=$(dirname "$0")/kernels
a=$tables/aiconfigurator v=$tables/vidur
gemm="gemm=ai-dynamo/aiconfigurator at 095f58a51c4c, dense GEMM"
moe="grouped=the same, routed-expert blocks, balanced; products and the traffic around them fitted together"
attention="attention=the same, context attention and MLA core, causal, BF16; backward_rate 0.85 after FlashAttention-3, arXiv:2407.08608"
vidur="memory=rmsnorm, add, swiglu, rope: microsoft/vidur at 7d4751336344, mlp.csv of Llama-2-70b and 7b"
wgrad="weight_gradient=rate of the forward product: bf16, fp8 0.95, others 0.90, assumed"

calibrate() { # NAME DEVICE SYSTEM FILE... -- SOURCE...
    local name=$1 device=$2 system=$3 files=() sources=()
    shift 3
    while [ "$1" != -- ]; do files+=("$1"); shift; done
    shift
    for text in "$@"; do sources+=(--source "$text"); done
    echo "== $name"
    "$moesim" calibrate --importer aiconfigurator "${files[@]}" --system "$system" \
        --device "$device" --name "$name kernels" "${sources[@]}" -o "$out/$name.toml"
}

calibrate a100 a100-80-sxm a100_sxm "$a/gemm_a100_sxm.csv.gz" \
    "vidur=$v/mlp_a100_Llama-2-70b-hf.csv.gz" "vidur=$v/mlp_a100_Llama-2-7b-hf.csv.gz" -- \
    "$gemm, trtllm 1.0.0" "$vidur" "$wgrad"
calibrate h100 h100-sxm h100_sxm "$a/gemm_h100_sxm.csv.gz" "$a/moe_h100_sxm.csv.gz" \
    "$a/attention_fwd_bf16.csv.gz" "$a/mla_context_fwd.csv.gz" "$a/quantize_h100.csv.gz" \
    "vidur=$v/mlp_h100_Llama-2-70b-hf.csv.gz" "vidur=$v/mlp_h100_Llama-2-7b-hf.csv.gz" -- \
    "$gemm, trtllm 1.3.0rc20" "$moe" "$attention" "$vidur; cast, amax: aiconfigurator" "$wgrad"
calibrate h200 h200-sxm h200_sxm "$a/gemm_h200_sxm.csv.gz" "$a/moe_h200_sxm.csv.gz" \
    "$a/attention_fwd_bf16.csv.gz" "$a/mla_context_fwd.csv.gz" -- \
    "$gemm, trtllm 1.3.0rc20" "$moe" "$attention" "$wgrad"
calibrate gb200 gb200 gb200 "$a/gemm_gb200.csv.gz" "$a/moe_gb200.csv.gz" \
    "$a/attention_fwd_bf16.csv.gz" "$a/mla_context_fwd.csv.gz" -- \
    "$gemm, trtllm 1.3.0rc20" "$moe" "$attention" "$wgrad"
