#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <string>

#include "analysis/microbench/context.cuh"

namespace moesim::microbench {

/// One pass of a linear layer as cuBLASLt sees it, column-major: D [rows, columns] = op(A) op(B)
/// over `depth`. BF16 operands lie as the layer keeps them (forward TN, input gradient NN, weight
/// gradient NT); 8-bit ones are transposed copies, so that depth is contiguous in both (TN), as
/// tensor cores ask and training frameworks do. Weight gradients are added to FP32, the rest is
/// written as BF16.
struct Product {
    std::int64_t rows = 0, columns = 0, depth = 0;
    bool a_transposed = true, b_transposed = false;
    bool accumulate = false;
    bool fast_sum = false;    // 8-bit: fewer bits kept of a sum, as training has it forward only
    bool a_is_weight = true;  // 128x128 blocks of scales instead of 1x128
    std::string dtype;

    [[nodiscard]] std::int64_t a_elements() const { return rows * depth; }
    [[nodiscard]] std::int64_t b_elements() const { return columns * depth; }
    [[nodiscard]] std::int64_t d_elements() const { return rows * columns; }
    [[nodiscard]] std::int64_t d_bytes() const { return d_elements() * (accumulate ? 4 : 2); }
    [[nodiscard]] std::int64_t element_bytes() const { return dtype == "bf16" ? 2 : 1; }
};

/// The product of `what` with m rows. Throws Unsupported for a dtype that is not known here.
Product product_of(const Case& what, std::int64_t m);

/// Scales for both operands: constants (1/2 and 1/4), so that no layout of scales can be wrong.
struct Scales {
    void *a = nullptr, *b = nullptr;
    double factor = 1;  // of the result
};
Scales make_scales(const Product& of, Context& on);

/// A product with its algorithm chosen (the first that cuBLASLt proposes, as frameworks do).
class LtProduct {
public:
    /// sm_target: streaming multiprocessors to plan for; 0: all. Throws Unsupported.
    LtProduct(const Product& of, const Scales& scales, Context& on, int sm_target = 0);
    ~LtProduct();
    LtProduct(const LtProduct&) = delete;
    LtProduct& operator=(const LtProduct&) = delete;

    void enqueue(cudaStream_t stream, const void* a, const void* b, void* d, void* workspace) const;

private:
    Product of_;
    cublasLtHandle_t lt_ = nullptr;
    std::size_t workspace_bytes_ = 0;
    cublasLtMatmulDesc_t desc_ = nullptr;
    cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, d_ = nullptr;
    cublasLtMatmulAlgo_t algorithm_{};
};

/// Fills operands with values that are worth multiplying.
void fill_operand(void* data, const Product& of, std::int64_t elements, unsigned seed,
                  cudaStream_t stream);

/// Deviation of 64 elements of D from products in double on the device.
double product_error(const Product& of, const Scales& scales, const void* a, const void* b,
                     const void* d, Context& on);

}  // namespace moesim::microbench
