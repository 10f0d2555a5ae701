#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "models/routing.hpp"

namespace moesim::tests {

inline models::RoutingShape routing_shape(int experts, int top_k, int moe_layers) {
    models::RoutingShape out;
    out.experts = experts;
    out.top_k = top_k;
    out.moe_layers = moe_layers;
    out.seed = 1;
    return out;
}

inline std::unique_ptr<models::Routing> routing(const std::string& text,
                                                const models::RoutingShape& shape) {
    sim::Table table = sim::Table::from_text(text, "routing.toml");
    auto out = models::make_routing(table, shape);
    table.finish();
    return out;
}

/// What a routing table is told, or "accepted".
inline std::string routing_complaint(const std::string& text, const models::RoutingShape& shape) {
    try {
        routing(text, shape);
    } catch (const sim::InputError& error) {
        return error.what();
    }
    return "accepted";
}

/// A folder of sample files that goes when it does.
class SampleFolder {
public:
    SampleFolder() : path_{std::filesystem::temp_directory_path() / unique()} {
        std::filesystem::create_directories(path_);
    }
    SampleFolder(const SampleFolder&) = delete;
    SampleFolder& operator=(const SampleFolder&) = delete;
    ~SampleFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    /// The path of a new file with this text.
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream{path_ / name, std::ios::binary} << text;
        return (path_ / name).string();
    }
    std::string path() const { return path_.string(); }

private:
    static std::string unique() {
        static int count = 0;
        return "moesim-routing-test-" +
               std::to_string(
                   std::filesystem::file_time_type::clock::now().time_since_epoch().count()) +
               "-" + std::to_string(++count);
    }
    std::filesystem::path path_;
};

inline double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

}  // namespace moesim::tests
