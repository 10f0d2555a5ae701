#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "sim/input.hpp"
#include "sim/source.hpp"

namespace moesim::sim {

std::string read_text_file(const std::filesystem::path& path, std::size_t limit) {
    const auto refuse = [&](std::string_view what, std::string_view hint = {}) {
        throw InputError{complaint(path.string(), what, hint)};
    };
    if (path.empty()) refuse("an empty file name");
    std::error_code failed;
    const auto status = std::filesystem::status(path, failed);
    if (status.type() == std::filesystem::file_type::not_found) refuse("no such file");
    if (failed) refuse(failed.message());
    if (is_directory(status)) refuse("is a directory, not a file");

    errno = 0;
    std::ifstream in{path, std::ios::binary};
    if (!in) refuse(fmt::format("cannot be opened ({})", std::strerror(errno)));
    std::string text;
    std::vector<char> block(1u << 16);
    // Read in blocks with the limit in hand: the size of a pipe or a device is not known
    // beforehand.
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) {
        text.append(block.data(), static_cast<std::size_t>(in.gcount()));
        if (text.size() > limit)
            refuse(fmt::format("larger than {} bytes, the most that is read", limit));
    }
    if (in.bad()) refuse("cannot be read to its end");
    if (const std::size_t nul = text.find('\0'); nul != std::string::npos) {
        const auto line =
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
        refuse(fmt::format("not a text file: a NUL byte in line {}", line + 1));
    }
    return text;
}

}  // namespace moesim::sim
