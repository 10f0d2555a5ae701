#include "analysis/importers/importer.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "sim/input.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {
namespace {

constexpr std::size_t kMost = std::size_t{1} << 30;

[[noreturn]] void refuse(const std::string& path, const std::string& what,
                         const std::string& hint = {}) {
    throw sim::InputError{sim::complaint(path, what, hint)};
}

bool is_gzip(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return in.get() == 0x1f && in.get() == 0x8b;
}

std::string unpacked(const std::string& path) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file{gzopen(path.c_str(), "rb"), gzclose};
    if (!file) refuse(path, "cannot be opened");
    std::string text;
    std::vector<char> block(1u << 18);
    int n = 0;
    while ((n = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()))) > 0) {
        text.append(block.data(), static_cast<std::size_t>(n));
        if (text.size() > kMost)
            refuse(path,
                   fmt::format("unpacks to more than {} bytes, the most that is read", kMost));
    }
    int error = Z_OK;
    const char* what = gzerror(file.get(), &error);
    if (n < 0 || error != Z_OK)
        refuse(path, fmt::format("gzip data ends early or is damaged ({}), after {} unpacked bytes",
                                 what, text.size()));
    if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
        refuse(path, fmt::format("not a text file inside: a NUL byte at {}", nul));
    return text;
}

}  // namespace

void Import::reject(const std::string& reason, const std::string& where, std::size_t rows) {
    Rejected& entry = rejected[reason];
    if (entry.rows == 0) entry.first = where;
    entry.rows += rows;
}

std::string read_measurement_file(const std::string& path) {
    std::error_code failed;
    if (std::filesystem::is_regular_file(path, failed) && is_gzip(path)) return unpacked(path);
    std::string text = sim::read_text_file(path, kMost);
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        refuse(path, "UTF-16 text", "convert it to UTF-8 first");
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    return text;
}

std::string format_of_dtype(std::string_view dtype) {
    if (dtype == "bfloat16" || dtype == "half" || dtype == "float16" || dtype == "fp16")
        return "bf16";
    if (dtype == "fp8_e4m3" || dtype == "float8_e4m3fn") return "fp8";
    return std::string{dtype};
}

}  // namespace moesim::analysis
