#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/device.cuh"
#include "analysis/microbench/sampling.hpp"

namespace moesim::microbench {
namespace {

std::string version(int number) {  // 13010 -> "13.1"
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

/// In [-1, 1), from a counter. Source of the mixing: Murmur3's finalizer (Appleby, public domain).
__device__ float uniform(std::uint64_t index, unsigned seed) {
    std::uint64_t h = index + 0x9e3779b97f4a7c15ull * (seed + 1);
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdull;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ull;
    h ^= h >> 33;
    return static_cast<float>(static_cast<std::int32_t>(h >> 32)) * 0x1p-31f;
}

struct Narrow {
    __device__ static void put(bf16* at, float value) { *at = to_bf16(value); }
    __device__ static void put(float* at, float value) { *at = value; }
    __device__ static void put(e4m3* at, float value) { *at = to_e4m3(value); }
};

template <class T>
__global__ void fill(T* data, std::int64_t count, unsigned seed, float size) {
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < count; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x)
        Narrow::put(data + i, size * uniform(static_cast<std::uint64_t>(i), seed));
}

__global__ void fill_same(float* data, std::int64_t count, float value) {
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < count; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x)
        data[i] = value;
}

}  // namespace

void check(cudaError_t status, const char* doing) {
    if (status != cudaSuccess)
        throw std::runtime_error(std::string(doing) + ": " + cudaGetErrorString(status));
}

void check(cublasStatus_t status, const char* doing) {
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH)
        throw Unsupported(std::string(doing) + ": " + cublasLtGetStatusName(status));
    if (status != CUBLAS_STATUS_SUCCESS)
        throw std::runtime_error(std::string(doing) + ": " + cublasLtGetStatusName(status));
}

Context::Context(int device) {
    check(cudaSetDevice(device), "choosing the device");
    check(cudaGetDeviceProperties(&properties, device), "asking the device");
    int driver = 0, runtime = 0;
    check(cudaDriverGetVersion(&driver), "asking the driver");
    check(cudaRuntimeGetVersion(&runtime), "asking the runtime");
    machine = {properties.name, version(driver), version(runtime)};
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
    side.resize(kSideStreams);
    for (cudaStream_t& one : side)
        check(cudaStreamCreateWithFlags(&one, cudaStreamNonBlocking), "a stream");
    check(cublasLtCreate(&lt), "cublasLtCreate");
    const std::size_t number = cublasLtGetVersion();  // 130100
    cublas = "cublasLt " + std::to_string(number / 10000) + "." +
             std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
    workspaces.resize(1 + kSideStreams);
    for (void*& one : workspaces) check(cudaMalloc(&one, workspace_bytes), "workspace");
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for memory");
    capacity_ = std::min<std::size_t>(free / 10 * 8, std::size_t{32} << 30);
    check(cudaMalloc(&memory_, capacity_), "memory for the data");
}

Context::~Context() {
    cudaFree(memory_);
    for (void* one : workspaces) cudaFree(one);
    if (lt != nullptr) cublasLtDestroy(lt);
    for (cudaStream_t one : side) cudaStreamDestroy(one);
    cudaStreamDestroy(stream);
}

void* Context::take_bytes(double bytes) {
    const double rounded =
        (static_cast<double>(static_cast<std::uint64_t>(bytes) / 1024) + 1) * 1024;
    if (rounded > static_cast<double>(capacity_ - used_))
        throw Unsupported("does not fit the memory of this device");
    void* at = memory_ + used_;
    used_ += static_cast<std::size_t>(rounded);
    return at;
}

int Context::sets(double bytes) const {
    return data_sets(bytes, properties.l2CacheSize, 0.8 * static_cast<double>(capacity_ - used_));
}

void fill_bf16(std::uint16_t* data, std::int64_t count, unsigned seed, float size,
               cudaStream_t stream) {
    fill<<<2048, 256, 0, stream>>>(data, count, seed, size);
    check(cudaGetLastError(), "filling");
}
void fill_fp32(float* data, std::int64_t count, unsigned seed, float size, cudaStream_t stream) {
    fill<<<2048, 256, 0, stream>>>(data, count, seed, size);
    check(cudaGetLastError(), "filling");
}
void fill_e4m3(std::uint8_t* data, std::int64_t count, unsigned seed, float size,
               cudaStream_t stream) {
    fill<<<2048, 256, 0, stream>>>(data, count, seed, size);
    check(cudaGetLastError(), "filling");
}
void fill_constant(float* data, std::int64_t count, float value, cudaStream_t stream) {
    fill_same<<<2048, 256, 0, stream>>>(data, count, value);
    check(cudaGetLastError(), "filling");
}
void poison(void* data, std::int64_t bytes, cudaStream_t stream) {
    check(cudaMemsetAsync(data, 0xff, static_cast<std::size_t>(bytes), stream), "poisoning");
}

std::vector<std::int64_t> sample_rows(std::int64_t rows) {
    std::vector<std::int64_t> out;
    for (const double share : {0.0, 0.13, 0.29, 0.5, 0.71, 0.9, 1.0})
        out.push_back(static_cast<std::int64_t>(share * static_cast<double>(rows - 1)));
    return out;
}

}  // namespace moesim::microbench
