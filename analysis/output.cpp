#include "analysis/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "analysis/temporary.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {

namespace {
bool quiet_ = false;
bool json_on_stdout_ = false;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
    throw sim::InputError(fmt::format("{}: error: cannot write: {}", path.string(), why));
}

void print(std::string_view text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) refuse("standard output", std::strerror(errno));
        done += static_cast<std::size_t>(n);
    }
}
}  // namespace

namespace {

void fill(const Temporary& file, std::string_view content) {
    const std::filesystem::path path = file.target();
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    if (error) refuse(path, error.message());
    if (std::filesystem::is_directory(path, error)) refuse(path, "is a directory");
    std::FILE* out = std::fopen(file.path().c_str(), "wb");
    if (out == nullptr) refuse(path, std::strerror(errno));
    errno = 0;
    const bool written = std::fwrite(content.data(), 1, content.size(), out) == content.size() &&
                         std::fflush(out) == 0;
    const int why = errno;
    if (std::fclose(out) != 0 || !written) refuse(path, std::strerror(why != 0 ? why : errno));
}

void publish(Temporary& file) {
    std::error_code error;
    std::filesystem::rename(file.path(), file.target(), error);
    if (error) refuse(file.target(), error.message());
    file.done();
}

}  // namespace

void write_file(const std::filesystem::path& path, std::string_view content) {
    Temporary file{path.string()};
    fill(file, content);
    publish(file);
}

void write_files(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& files) {
    std::vector<std::unique_ptr<Temporary>> all;
    for (const auto& [name, content] : files) {
        all.push_back(std::make_unique<Temporary>((folder / name).string()));
        fill(*all.back(), content);
    }
    for (const auto& file : all) publish(*file);
}

void check_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) refuse(folder, error.message());
    if (!std::filesystem::is_directory(folder)) refuse(folder, "is not a folder");
    fill(Temporary{(folder / "result.json").string()}, "");
}

void check_target(const std::string& target) {
    if (target == "-" || target.empty()) return;
    const std::filesystem::path path = target;
    if (std::filesystem::is_directory(path)) refuse(path, "is a directory");
    fill(Temporary{target}, "");
}

void write_json(const std::string& target, const nlohmann::ordered_json& json) {
    const std::string text = json.dump(2) + "\n";
    if (target != "-") return write_file(target, text);
    json_on_stdout_ = true;
    print(text);
}

void say(const std::string& text) {
    if (!quiet_ && !json_on_stdout_) print(text);
}
void set_quiet(bool quiet) { quiet_ = quiet; }
bool is_quiet() { return quiet_; }

std::string gzip(std::string_view content) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        throw std::runtime_error("zlib does not start");
    std::string out(deflateBound(&stream, content.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace moesim::analysis
