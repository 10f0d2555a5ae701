#include "analysis/microbench/product.cuh"

#include <cmath>

#include "analysis/microbench/kernels/device.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

constexpr int kSamples = 64;

/// Element i of `samples` [kSamples] pairs (row, column): the product in double; a thread each
/// would be slow, so a block each.
template <class T>
__global__ void exact_products(const T* a, const T* b, const std::int64_t* samples, double* out,
                               std::int64_t depth, std::int64_t a_row, std::int64_t a_depth,
                               std::int64_t b_column, std::int64_t b_depth) {
    __shared__ double partial[128];
    const std::int64_t i = samples[2 * blockIdx.x], j = samples[2 * blockIdx.x + 1];
    const auto value = [](T bits) {
        if constexpr (sizeof(T) == 2) return static_cast<double>(to_float(bits));
        if constexpr (sizeof(T) == 1) return static_cast<double>(e4m3_to_float(bits));
    };
    double sum = 0;
    for (std::int64_t k = threadIdx.x; k < depth; k += 128)
        sum += value(a[i * a_row + k * a_depth]) * value(b[j * b_column + k * b_depth]);
    partial[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int t = 1; t < 128; ++t) sum += partial[t];
    out[blockIdx.x] = sum;
}

template <class T>
void start_exact(const Product& of, const void* a, const void* b, const std::int64_t* samples,
                 double* out, cudaStream_t stream) {
    const std::int64_t a_row = of.a_transposed ? of.depth : 1,
                       a_depth = of.a_transposed ? 1 : of.rows;
    const std::int64_t b_column = of.b_transposed ? 1 : of.depth,
                       b_depth = of.b_transposed ? of.columns : 1;
    exact_products<<<kSamples, 128, 0, stream>>>(static_cast<const T*>(a), static_cast<const T*>(b),
                                                 samples, out, of.depth, a_row, a_depth, b_column,
                                                 b_depth);
    check(cudaGetLastError(), "reference product");
}

__global__ void fill_byte(std::uint8_t* data, std::int64_t count, std::uint8_t value) {
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < count; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x)
        data[i] = value;
}

std::int64_t up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

Product product_of(const Case& what, std::int64_t m) {
    Product p;
    p.dtype = what.dtype;
    const bool narrow = what.dtype != "bf16";
    if (what.pass == "forward") {
        p.rows = what.out, p.columns = m, p.depth = what.in;
        p.fast_sum = what.dtype == "fp8";
    } else if (what.pass == "input_gradient") {
        p.rows = what.in, p.columns = m, p.depth = what.out;
        p.a_transposed = narrow;
    } else {
        p.rows = what.in, p.columns = what.out, p.depth = m;
        p.a_transposed = narrow, p.b_transposed = !narrow;
        p.accumulate = true, p.a_is_weight = false;
    }
    return p;
}

Scales make_scales(const Product& of, Context& on) {
    Scales s;
    if (of.dtype == "bf16") return s;
    s.factor = 0.125;
    if (of.dtype == "mxfp8") {  // UE8M0: 2^(byte - 127)
        const std::int64_t a = up(of.rows, 128) * up(of.depth, 128) / 32;
        const std::int64_t b = up(of.columns, 128) * up(of.depth, 128) / 32;
        s.a = on.take<std::uint8_t>(a);
        s.b = on.take<std::uint8_t>(b);
        fill_byte<<<256, 256, 0, on.stream>>>(static_cast<std::uint8_t*>(s.a), a, 126);
        fill_byte<<<256, 256, 0, on.stream>>>(static_cast<std::uint8_t*>(s.b), b, 125);
        check(cudaGetLastError(), "filling scales");
        return s;
    }
    const bool blocks = of.dtype == "fp8_block";
    // One FP32 for 128 values along the depth; room for padding whatever the layout.
    const std::int64_t a = blocks ? up(of.rows, 128) * up(of.depth, 512) / 128 : 1;
    const std::int64_t b = blocks ? up(of.columns, 128) * up(of.depth, 512) / 128 : 1;
    s.a = on.take<float>(a);
    s.b = on.take<float>(b);
    fill_constant(static_cast<float*>(s.a), a, 0.5f, on.stream);
    fill_constant(static_cast<float*>(s.b), b, 0.25f, on.stream);
    return s;
}

LtProduct::LtProduct(const Product& of, const Scales& scales, Context& on, int sm_target)
    : of_{of}, lt_{on.lt}, workspace_bytes_{on.workspace_bytes} {
    const cudaDataType_t in = of.dtype == "bf16" ? CUDA_R_16BF : CUDA_R_8F_E4M3;
    const cudaDataType_t result = of.accumulate ? CUDA_R_32F : CUDA_R_16BF;
    check(cublasLtMatmulDescCreate(&desc_, CUBLAS_COMPUTE_32F, CUDA_R_32F),
          "cublasLtMatmulDescCreate");
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
        check(cublasLtMatmulDescSetAttribute(desc_, attribute, &value, sizeof value),
              "cublasLtMatmulDescSetAttribute");
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, of.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, of.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (sm_target > 0)
        set(CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, static_cast<std::int32_t>(sm_target));
    if (scales.a != nullptr) {
        set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, scales.a);
        set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, scales.b);
    }
    // Forward only, as Transformer Engine's default recipe has it.
    if (of.fast_sum) set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, static_cast<std::int8_t>(1));
    if (of.dtype == "fp8_block" || of.dtype == "mxfp8") {
        const std::int32_t vector = of.dtype == "mxfp8" ? CUBLASLT_MATMUL_MATRIX_SCALE_VEC32_UE8M0
                                                        : CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
        const std::int32_t block = CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
        set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE,
            of.dtype == "fp8_block" && of.a_is_weight ? block : vector);
        set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, vector);
    }
    const auto layout = [](cublasLtMatrixLayout_t* to, cudaDataType_t type, std::int64_t rows,
                           std::int64_t columns) {
        check(cublasLtMatrixLayoutCreate(to, type, static_cast<std::uint64_t>(rows),
                                         static_cast<std::uint64_t>(columns), rows),
              "cublasLtMatrixLayoutCreate");
    };
    layout(&a_, in, of.a_transposed ? of.depth : of.rows, of.a_transposed ? of.rows : of.depth);
    layout(&b_, in, of.b_transposed ? of.columns : of.depth,
           of.b_transposed ? of.depth : of.columns);
    layout(&d_, result, of.rows, of.columns);
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &workspace_bytes_, sizeof workspace_bytes_);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(lt_, desc_, a_, b_, d_, d_, preference, 1, &found, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    if (status == CUBLAS_STATUS_INVALID_VALUE || (status == CUBLAS_STATUS_SUCCESS && count == 0))
        throw Unsupported("cublasLt proposes no algorithm");
    check(status, "cublasLtMatmulAlgoGetHeuristic");
    algorithm_ = found.algo;
}

LtProduct::~LtProduct() {
    for (cublasLtMatrixLayout_t one : {a_, b_, d_})
        if (one != nullptr) cublasLtMatrixLayoutDestroy(one);
    if (desc_ != nullptr) cublasLtMatmulDescDestroy(desc_);
}

void LtProduct::enqueue(cudaStream_t stream, const void* a, const void* b, void* d,
                        void* workspace) const {
    const float one = 1, beta = of_.accumulate ? 1.0f : 0.0f;
    check(cublasLtMatmul(lt_, desc_, &one, a, a_, b, b_, &beta, d, d_, d, d_, &algorithm_,
                         workspace, workspace_bytes_, stream),
          "cublasLtMatmul");
}

void fill_operand(void* data, const Product& of, std::int64_t elements, unsigned seed,
                  cudaStream_t stream) {
    if (of.dtype == "bf16")
        fill_bf16(static_cast<std::uint16_t*>(data), elements, seed, 1.0f, stream);
    else
        fill_e4m3(static_cast<std::uint8_t*>(data), elements, seed, 8.0f, stream);
}

double product_error(const Product& of, const Scales& scales, const void* a, const void* b,
                     const void* d, Context& on) {
    std::vector<std::int64_t> pairs;
    for (std::int64_t s = 0; s < kSamples; ++s) {  // spread over rows and columns, corners included
        pairs.push_back(s == kSamples - 1 ? of.rows - 1 : s * 7919 % of.rows);
        pairs.push_back(s == kSamples - 1 ? of.columns - 1 : s * 104729 % of.columns);
    }
    auto* samples = on.take<std::int64_t>(2 * kSamples);
    auto* exact = on.take<double>(kSamples);
    upload(samples, pairs);
    if (of.dtype == "bf16")
        start_exact<std::uint16_t>(of, a, b, samples, exact, on.stream);
    else
        start_exact<std::uint8_t>(of, a, b, samples, exact, on.stream);
    check(cudaStreamSynchronize(on.stream), "reference product");
    const std::vector<double> want = fetch(exact, kSamples);
    Deviation deviation;
    for (std::size_t s = 0; s < kSamples; ++s) {
        const std::int64_t at = pairs[2 * s] + pairs[2 * s + 1] * of.rows;
        const double got = of.accumulate
                               ? fetch(static_cast<const float*>(d) + at, 1)[0]
                               : bf16_value(fetch(static_cast<const std::uint16_t*>(d) + at, 1)[0]);
        deviation.add(got, want[s] * scales.factor);
    }
    return deviation.relative();
}

}  // namespace moesim::microbench
