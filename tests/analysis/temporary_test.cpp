#include "analysis/temporary.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

using namespace moesim;
namespace fs = std::filesystem;

TEST_CASE("temporary: it goes with its scope, unless it was renamed") {
    const std::string target =
        (fs::temp_directory_path() / fmt::format("moesim-temporary-{}", ::getpid())).string();
    std::string path;
    {
        analysis::Temporary file{target};
        path = file.path();
        CHECK(fs::path{path}.parent_path() == fs::path{target}.parent_path());
        std::ofstream{path} << "half";
        CHECK(fs::exists(path));
    }
    CHECK_FALSE(fs::exists(path));
    {
        analysis::Temporary file{target};
        std::ofstream{file.path()} << "whole";
        fs::rename(file.path(), target);
        file.done();
    }
    CHECK(fs::exists(target));
    fs::remove(target);
}

TEST_CASE("temporary: a process that is interrupted removes it and dies of the signal") {
    const std::string target =
        (fs::temp_directory_path() / fmt::format("moesim-interrupted-{}", ::getpid())).string();
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ready[1], STDERR_FILENO);
        std::signal(SIGTERM, SIG_DFL);
        analysis::clean_up_when_interrupted();
        const analysis::Temporary file{target};
        std::ofstream{file.path()} << "half";
        raise(SIGTERM);
        _exit(0);
    }
    close(ready[1]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    char said[200] = {};
    CHECK(read(ready[0], said, sizeof said - 1) > 0);
    CHECK(std::string{said}.find("interrupted") != std::string::npos);
    close(ready[0]);
    for (const auto& entry : fs::directory_iterator{fs::temp_directory_path()})
        CHECK(entry.path().string().rfind(target, 0) != 0);
}
