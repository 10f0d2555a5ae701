#include "sim/paths.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "sim/input.hpp"

using namespace moesim;
namespace fs = std::filesystem;

namespace {

/// A folder with two data files of a kind that no other folder of the search path has. It stays on
/// the search path of this process, as --path does.
const fs::path& data() {
    static const fs::path root = [] {
        const fs::path dir = fs::temp_directory_path() / "moesim_paths_test";
        fs::remove_all(dir);
        fs::create_directories(dir / "test_kind" / "folder.toml");
        for (const char* name : {"deepseek-v3.toml", "mixtral.toml", "other.csv"})
            std::ofstream{dir / "test_kind" / name} << "a = 1\n";
        sim::add_search_path(dir);
        return dir;
    }();
    return root;
}

std::string message(const std::string& name, const std::string& kind = "test_kind") {
    try {
        (void)sim::find_data("model", kind, name);
    } catch (const sim::InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("paths: a name is found in its kind's folder") {
    CHECK(sim::find_data("model", "test_kind", "mixtral") == data() / "test_kind" / "mixtral.toml");
    CHECK(sim::find_data("table", "test_kind", "other", ".csv") ==
          data() / "test_kind" / "other.csv");
}

TEST_CASE("paths: a path is taken as it is") {
    const std::string path = (data() / "test_kind" / "mixtral.toml").string();
    CHECK(sim::find_data("model", "test_kind", path) == path);
    CHECK(message("nowhere/mixtral.toml") == "error: model: no file 'nowhere/mixtral.toml'");
    CHECK(message("absent.toml") == "error: model: no file 'absent.toml'");
    const std::string folder = (data() / "test_kind").string();
    CHECK(message(folder) == "error: model: '" + folder + "' is a directory, not a file");
}

TEST_CASE("paths: an unknown name offers the nearest and says where it looked") {
    const std::string searched = "help: searched " + (data() / "test_kind").string();
    CHECK(message("deepseek-v4") ==
          "error: model: no 'deepseek-v4' here\nhelp: did you mean 'deepseek-v3'?\n" + searched);
    CHECK(message("zzz") ==
          "error: model: no 'zzz' here\nhelp: known: deepseek-v3, mixtral\n" + searched);
    CHECK(message("x", "no_such_kind") ==
          "error: model: no 'x' here\nhelp: no folder no_such_kind on the search path");
}

TEST_CASE("paths: an unknown name in a table is shown where it stands") {
    (void)data();
    sim::Table in = sim::Table::from_text("model = \"mixtrl\"\ngood = \"mixtral\"\n", "in.toml");
    CHECK(sim::find_data(in, "good", "test_kind") == data() / "test_kind" / "mixtral.toml");
    std::string text;
    try {
        (void)sim::find_data(in, "model", "test_kind");
    } catch (const sim::InputError& error) {
        text = error.what();
    }
    CHECK(text ==
          "in.toml:1:9: error: model: no 'mixtrl' here\n"
          "    1 | model = \"mixtrl\"\n"
          "      |         ^~~~~~~~\n"
          "help: did you mean 'mixtral'?\nhelp: searched " +
              (data() / "test_kind").string());
}

TEST_CASE("paths: what can be no name is refused before any file is looked for") {
    CHECK(message("") == "error: model: an empty name");
    CHECK(message(std::string{"mixtral\0", 8}) == "error: model: 'mixtral?' is not a name");
    CHECK(message(std::string(5000, 'a')).starts_with("error: model: no 'aaaa"));
}

TEST_CASE("paths: a list has the stems of files, sorted, without folders") {
    (void)data();
    CHECK(sim::list_data("test_kind") == std::vector<std::string>{"deepseek-v3", "mixtral"});
    CHECK(sim::list_data("no_such_kind").empty());
}

TEST_CASE("paths: a search folder that is not there is refused") {
    CHECK_THROWS_AS(sim::add_search_path("/no/such/folder"), sim::InputError);
}
