#include "analysis/microbench/trace_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "analysis/microbench/trace_row.hpp"

namespace moesim::microbench {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error(path.string() + ": cannot be read");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Adds text in one write; a file system that takes less is an error, not a loop.
void append_text(const fs::path& path, const std::string& text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) throw std::runtime_error(path.string() + ": " + std::strerror(errno));
    const ssize_t written = ::write(file, text.data(), text.size());
    const int error = errno;
    ::close(file);
    if (written != static_cast<ssize_t>(text.size()))
        throw std::runtime_error(path.string() + ": " +
                                 (written < 0 ? std::strerror(error) : "written only in part"));
}

bool settled(const Measurement& row) { return row.status == "ok" || row.status == "unsupported"; }

}  // namespace

std::vector<Measurement> read_trace(const fs::path& path) {
    std::vector<Measurement> rows;
    if (!fs::exists(path)) return rows;
    const std::string text = read_all(path);
    const auto complain = [&](std::size_t line, const std::string& what) {
        throw std::runtime_error(path.string() + ":" + std::to_string(line) + ": " + what);
    };
    std::vector<std::string> names;
    std::size_t line = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        ++line;
        if (end == std::string::npos) break;
        std::string_view content(text.data() + begin, end - begin);
        begin = end + 1;
        if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
        if (line == 1 && content != kFirstLine)
            complain(1, "a trace begins with '" + std::string(kFirstLine) + "'");
        if (content.empty() || content.front() == '#') continue;
        if (names.empty()) {
            names = split(content);
            for (const std::string& name : columns())
                if (std::find(names.begin(), names.end(), name) == names.end())
                    complain(line, "the header lacks the column '" + name + "'");
            continue;
        }
        try {
            rows.push_back(read_row(names, content));
        } catch (const std::runtime_error& e) {
            complain(line, e.what());
        }
    }
    return rows;
}

TraceFile::TraceFile(fs::path path) : path_{std::move(path)} {
    for (const Measurement& row : read_trace(path_))
        (settled(row) ? done_ : failed_).insert(key(row.machine.device, row.what));
    if (path_.has_parent_path()) fs::create_directories(path_.parent_path());
    std::string text = fs::exists(path_) ? read_all(path_) : std::string{};
    const std::size_t last = text.rfind('\n');
    const std::size_t whole = last == std::string::npos ? 0 : last + 1;
    if (whole < text.size()) fs::resize_file(path_, whole);
    text.resize(whole);
    if (whole == 0) append_text(path_, std::string(kFirstLine) + "\n" + header() + "\n");
    // Killed between the two first lines: the header is still missing.
    else if (text.find("\ndevice,") == std::string::npos)
        append_text(path_, header() + "\n");
    else {
        const std::size_t begin = text.find("\ndevice,") + 1;
        if (text.substr(begin, text.find('\n', begin) - begin) != header())
            throw std::runtime_error(
                path_.string() +
                ": has other columns than this version writes; give another --out");
    }
}

bool TraceFile::has(const std::string& device, const Case& what) const {
    return done_.count(key(device, what)) > 0;
}

bool TraceFile::failed(const std::string& device, const Case& what) const {
    return !has(device, what) && failed_.count(key(device, what)) > 0;
}

void TraceFile::append(const Measurement& row) {
    append_text(path_, write_row(row) + "\n");
    (settled(row) ? done_ : failed_).insert(key(row.machine.device, row.what));
}

std::vector<Case> left_of(const std::vector<Case>& cases, const fs::path& path) {
    std::set<std::string> done;
    for (const Measurement& row : read_trace(path))
        if (settled(row)) done.insert(key("", row.what));
    std::vector<Case> out;
    for (const Case& one : cases)
        if (done.count(key("", one)) == 0) out.push_back(one);
    return out;
}

std::string file_name(const std::string& device) {
    std::string out;
    for (const char c : device) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (!out.empty() && out.back() != '-')
            out += '-';
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return (out.empty() ? "device" : out) + ".csv";
}

}  // namespace moesim::microbench
