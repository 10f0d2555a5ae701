#include "analysis/output.hpp"

#include <unistd.h>
#include <zlib.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "sim/input.hpp"

using namespace moesim;
namespace fs = std::filesystem;

namespace {

/// An empty folder, gone at the end.
struct Folder {
    fs::path path = fs::temp_directory_path() / ("moesim-output-" + std::to_string(::getpid()));
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
};

std::string content(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

std::string gunzip(const std::string& packed, std::size_t room) {
    std::string out(room, '\0');
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string in = packed;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("output: a file is replaced as a whole and no temporary one stays behind") {
    const Folder folder;
    analysis::write_file(folder.path / "new" / "a.txt", "a long first version");
    analysis::write_file(folder.path / "new" / "a.txt", "second");
    CHECK(content(folder.path / "new" / "a.txt") == "second");
    CHECK(entries(folder.path / "new") == 1);
}

TEST_CASE("output: a folder in the file's place is refused, as is a file in the folder's place") {
    const Folder folder;
    fs::create_directories(folder.path / "taken");
    CHECK_THROWS_AS(analysis::write_file(folder.path / "taken", "x"), sim::InputError);
    CHECK(fs::is_directory(folder.path / "taken"));
    CHECK(entries(folder.path) == 1);
    analysis::write_file(folder.path / "file", "x");
    CHECK_THROWS_AS(analysis::write_file(folder.path / "file" / "below", "x"), sim::InputError);
    CHECK(content(folder.path / "file") == "x");
    CHECK(entries(folder.path) == 2);
}

TEST_CASE("output: the files of a folder are written all or none, and asking leaves nothing") {
    const Folder folder;
    analysis::write_file(folder.path / "a", "old");
    fs::create_directories(folder.path / "b");  // in the way
    CHECK_THROWS_AS(analysis::write_files(folder.path, {{"a", "new"}, {"b", "x"}, {"c", "y"}}),
                    sim::InputError);
    CHECK(content(folder.path / "a") == "old");
    CHECK(entries(folder.path) == 2);
    analysis::check_folder(folder.path);
    analysis::check_target((folder.path / "a").string());
    CHECK(content(folder.path / "a") == "old");
    CHECK(entries(folder.path) == 2);
    CHECK_THROWS_AS(analysis::check_folder(folder.path / "a"), sim::InputError);
    CHECK_THROWS_AS(analysis::check_target((folder.path / "b").string()), sim::InputError);
    CHECK_NOTHROW(analysis::check_target("-"));
    fs::remove(folder.path / "b");
    analysis::write_files(folder.path, {{"a", "new"}, {"b", "x"}});
    CHECK(content(folder.path / "a") == "new");
    CHECK(content(folder.path / "b") == "x");
}

TEST_CASE("output: gzip gives back what went in, smaller, and the same bytes each time") {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "event " + std::to_string(i * i % 977) + "\n";
    const std::string packed = analysis::gzip(text);
    CHECK(gunzip(packed, text.size() + 1) == text);
    CHECK(packed.size() < text.size() / 2);
    CHECK(packed == analysis::gzip(text));
    CHECK(packed.substr(4, 4) == std::string(4, '\0'));  // RFC 1952: MTIME, none
    CHECK(gunzip(analysis::gzip(""), 1).empty());
}
