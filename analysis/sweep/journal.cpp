#include "analysis/sweep/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sim/input.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr const char* kSchema = "moesim.sweep-journal/1";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what,
                         const std::string& hint = "") {
    throw sim::InputError(
        fmt::format("{}: error: {}{}", file.string(), what, hint.empty() ? "" : "\nhelp: " + hint));
}

std::string whole_file(int descriptor, const std::filesystem::path& file) {
    std::string out;
    char buffer[1 << 16];
    while (true) {
        const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) refuse(file, fmt::format("cannot read: {}", std::strerror(errno)));
        if (n == 0) return out;
        out.append(buffer, static_cast<std::size_t>(n));
    }
}

}  // namespace

Journal::Journal(const std::filesystem::path& file, const std::string& digest) : file_{file} {
    std::error_code error;
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
    if (error) refuse(file, fmt::format("cannot write: {}", error.message()));
    descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ < 0) refuse(file, fmt::format("cannot write: {}", std::strerror(errno)));
    try {
        // A lock of the process, not of the file: workers that outlive it do not hold it.
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        if (::fcntl(descriptor_, F_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES))
            refuse(file, "another sweep is writing here", "wait for it, or choose another --out");
        read(digest);
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

Journal::~Journal() { ::close(descriptor_); }

void Journal::read(const std::string& digest) {
    const std::string text = whole_file(descriptor_, file_);
    const std::size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    if (text.find('\n') != std::string::npos) {
        const auto header = ordered_json::parse(text.substr(0, text.find('\n')), nullptr, false);
        if (!header.is_object() || header.value("schema", "") != kSchema)
            refuse(file_, "is no journal of a sweep", "choose another --out");
        if (header.value("sweep", "") != digest)
            refuse(file_, "is the journal of another sweep: other keys, values, conditions or text",
                   "remove it to begin anew, or choose another --out");
    } else if (!text.empty() && text.front() != '{') {
        refuse(file_, "is no journal of a sweep", "choose another --out");
    }
    if (whole < text.size() && ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0)
        refuse(file_, fmt::format("cannot write: {}", std::strerror(errno)));
    if (whole == 0) write(ordered_json{{"schema", kSchema}, {"sweep", digest}}.dump() + "\n");
    for (std::size_t at = text.find('\n') + 1; whole > 0 && at < whole;) {
        const std::size_t end = text.find('\n', at);
        auto line = ordered_json::parse(text.substr(at, end - at), nullptr, false);
        if (line.is_object() && line.contains("point") && line["point"].is_number_unsigned() &&
            line.contains("engine") && line["engine"].is_string() && line.contains("answer"))
            answers_[{line["point"].get<std::size_t>(), line["engine"].get<std::string>()}] =
                line["answer"].dump();
        else
            refuse(file_, "has a line that no sweep wrote", "remove it to begin anew");
        at = end + 1;
    }
}

void Journal::add(std::size_t point, const std::string& engine, const std::string& answer) {
    write(fmt::format("{{\"point\":{},\"engine\":\"{}\",\"answer\":{}}}\n", point, engine, answer));
}

void Journal::write(const std::string& line) const {
    std::size_t done = 0;
    while (done < line.size()) {
        const ssize_t n = ::write(descriptor_, line.data() + done, line.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) refuse(file_, fmt::format("cannot write: {}", std::strerror(errno)));
        done += static_cast<std::size_t>(n);
    }
}

}  // namespace moesim::analysis
