#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "analysis/microbench/case.hpp"
#include "analysis/microbench/formats.hpp"
#include "analysis/microbench/measurement.hpp"

namespace moesim::microbench {

/// Throws std::runtime_error with CUDA's words when `status` is an error.
void check(cudaError_t status, const char* doing);
void check(cublasStatus_t status, const char* doing);

/// The library has no kernel for this on this device: a row of its own kind, no failure.
struct Unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

constexpr int kSideStreams = 4;

/// One device with everything that cases share: streams, cuBLASLt, and memory that is allocated
/// once and handed out from the start again for each case.
class Context {
public:
    explicit Context(int device);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// `count` values of T, aligned to 1 KiB. Throws when the device's memory is used up.
    template <class T>
    T* take(std::int64_t count) {
        return static_cast<T*>(take_bytes(static_cast<double>(count) * sizeof(T)));
    }
    void release_all() { used_ = 0; }
    /// Copies of `bytes` of data to go through in turn, see data_sets().
    [[nodiscard]] int sets(double bytes) const;
    /// Blocks that a kernel with a loop of its own is started with.
    [[nodiscard]] int blocks() const { return 8 * properties.multiProcessorCount; }

    Machine machine;
    std::string cublas;  // "cublasLt 13.1.0"
    cudaDeviceProp properties{};
    cudaStream_t stream = nullptr;
    std::vector<cudaStream_t> side;
    cublasLtHandle_t lt = nullptr;
    std::vector<void*> workspaces;  // one for the stream, one for each side stream
    std::size_t workspace_bytes = std::size_t{32} << 20;

private:
    void* take_bytes(double bytes);
    unsigned char* memory_ = nullptr;
    std::size_t capacity_ = 0, used_ = 0;
};

/// A case that is ready to be measured. `launch` only enqueues; `check` is called once, after
/// launch(stream, 0) has finished on data that were poisoned before, and returns the relative
/// error.
struct Prepared {
    std::function<void(cudaStream_t, int set)> launch;
    std::function<double()> check;
    double tolerance = 0.01;
    int sets = 1;
    std::string library = "own", note;
};

// One file each.
Prepared prepare_gemm(const Case& what, Context& on);
Prepared prepare_grouped_gemm(const Case& what, Context& on);
Prepared prepare_attention(const Case& what, Context& on);
Prepared prepare_norm(const Case& what, Context& on);
Prepared prepare_elementwise(const Case& what, Context& on);
Prepared prepare_cast(const Case& what, Context& on);
Prepared prepare_tokens(const Case& what, Context& on);
Prepared prepare_adam(const Case& what, Context& on);
Prepared prepare_copy(const Case& what, Context& on);

// Data: uniform in [-size, size), the same for the same seed.
void fill_bf16(std::uint16_t* data, std::int64_t count, unsigned seed, float size,
               cudaStream_t stream);
void fill_fp32(float* data, std::int64_t count, unsigned seed, float size, cudaStream_t stream);
void fill_e4m3(std::uint8_t* data, std::int64_t count, unsigned seed, float size,
               cudaStream_t stream);
void fill_constant(float* data, std::int64_t count, float value, cudaStream_t stream);
/// All ones: NaN in every format used here.
void poison(void* data, std::int64_t bytes, cudaStream_t stream);

/// A copy on the host, when everything enqueued is done.
template <class T>
std::vector<T> fetch(const T* data, std::int64_t count) {
    std::vector<T> out(static_cast<std::size_t>(count));
    check(cudaMemcpy(out.data(), data, out.size() * sizeof(T), cudaMemcpyDeviceToHost),
          "reading back");
    return out;
}
/// `rows` pieces of `count` values that lie `stride` values apart.
template <class T>
std::vector<T> fetch_rows(const T* data, std::int64_t rows, std::int64_t count,
                          std::int64_t stride) {
    std::vector<T> out(static_cast<std::size_t>(rows * count));
    check(cudaMemcpy2D(out.data(), static_cast<std::size_t>(count) * sizeof(T), data,
                       static_cast<std::size_t>(stride) * sizeof(T),
                       static_cast<std::size_t>(count) * sizeof(T), static_cast<std::size_t>(rows),
                       cudaMemcpyDeviceToHost),
          "reading back");
    return out;
}
template <class T>
void upload(T* data, const std::vector<T>& from) {
    check(cudaMemcpy(data, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice),
          "uploading");
}
/// BF16 bits as numbers.
inline std::vector<double> reals(const std::vector<std::uint16_t>& bits) {
    std::vector<double> out;
    out.reserve(bits.size());
    for (const std::uint16_t one : bits) out.push_back(bf16_value(one));
    return out;
}
/// Rows that a check looks at: the first, the last and some between.
std::vector<std::int64_t> sample_rows(std::int64_t rows);

}  // namespace moesim::microbench
