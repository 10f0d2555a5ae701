#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace moesim::models {

/// A tensor of counts or expert numbers.
struct CountTensor {
    std::string name;
    std::vector<std::size_t> shape;  // row-major
    std::vector<double> values;      // whole numbers from 0 to 2^53
};

/// The tensors of a safetensors file, by name.
///
///     8 bytes: N, little-endian | N bytes: JSON {name: {dtype, shape, data_offsets}} | data
///
/// dtype is one of U8 I8 U16 I16 U32 I32 U64 I64 F32 F64. Throws sim::InputError ("path: error:
/// tensor: what") for a file that is cut off, a header that does not fit its data, a shape that
/// does not fit its bytes, another dtype, and a value that is no count (negative, a fraction, NaN).
/// Source: huggingface/safetensors, README (Format).
std::vector<CountTensor> read_safetensors(const std::filesystem::path& path);

/// Files of a folder called <prefix><number><suffix>, by number; the path itself when it is a file.
struct NumberedFile {
    std::filesystem::path path;
    int number = 0;
};
std::vector<NumberedFile> numbered_files(const std::filesystem::path& path,
                                         const std::string& prefix, const std::string& suffix);

/// What TensorRT-LLM calls its tensors: "<iteration>_<layer>". Throws sim::InputError for another
/// name.
struct TensorKey {
    int iteration = 0, layer = 0;
};
TensorKey tensor_key(const std::filesystem::path& path, const std::string& name);

}  // namespace moesim::models
