#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "analysis/importers/kernel_rules.hpp"
#include "models/csv_rows.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {
namespace {

/// A SQLite export of Nsight Systems (`nsys export --type sqlite`), recorded under
/// torch.autograd.profiler.emit_nvtx(record_shapes=True), whose ranges are named
///
///     aten::mm, op_id = 12, sizes = [[4096, 7168], [7168, 2048]]
///
/// Kernels (CUPTI_ACTIVITY_KIND_KERNEL, nanoseconds) are tied to the innermost such range that was
/// open on the launching thread when the launch (CUPTI_ACTIVITY_KIND_RUNTIME, same correlationId)
/// was called. Source: Nsight Systems user guide, SQLite schema reference.
class Nsys final : public Importer {
public:
    [[nodiscard]] bool wants_text() const override { return false; }

    void read(const std::string& path, std::string_view, const ImportOptions& options,
              Import& out) const override {
        const KernelRules rules{options.rules};
        const Data data{path};
        for (const char* table : {"CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_RUNTIME"})
            if (!data.has_table(table))
                models::fail_file(path, fmt::format("no table {}", table),
                                  "export with kernels: nsys export --type sqlite REPORT");
        std::map<long long, Threads> threads = ranges(data);
        std::map<long long, ProfiledCall> calls;  // by range
        std::size_t kernels = 0;
        data.each(
            "SELECT k.end - k.start, r.start, r.globalTid FROM CUPTI_ACTIVITY_KIND_KERNEL k "
            "JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON k.correlationId = r.correlationId",
            [&](sqlite3_stmt* row) {
                ++kernels;
                const double ns = sqlite3_column_double(row, 0);
                const long long at = sqlite3_column_int64(row, 1);
                const auto thread = threads.find(sqlite3_column_int64(row, 2));
                const Range* range =
                    thread == threads.end() ? nullptr : innermost(thread->second, at);
                if (!(ns > 0) || ns > 1e15 || range == nullptr) {
                    ++out.read;
                    out.reject(range ? "a kernel without a duration"
                                     : "a kernel outside of any range with sizes",
                               path);
                    return;
                }
                ProfiledCall& call = calls[range->id];
                if (call.op.empty()) call = parsed(range->text);
                call.seconds += ns * 1e-9;
            });
        if (kernels == 0) models::fail_file(path, "no kernel was recorded");
        for (const auto& [id, call] : calls) {
            ++out.read;
            std::string why;
            if (auto measurement = rules.classify(call, why))
                out.measurements.push_back(std::move(*measurement));
            else
                out.reject(why, path + ": " + sim::printable(call.op, 60));
        }
    }

private:
    struct Range {
        long long start = 0, end = 0, id = 0;
        std::string text;
    };
    using Threads = std::vector<Range>;  // of one thread, by start

    /// The data base, opened for reading only. Throws sim::InputError with SQLite's own words.
    class Data {
    public:
        explicit Data(const std::string& path) : path_{path} {
            sqlite3* raw = nullptr;
            const int rc = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
            db_.reset(raw);
            if (rc != SQLITE_OK) fail();
        }
        [[nodiscard]] bool has_table(const std::string& name) const {
            bool found = false;
            each("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
                 [&](sqlite3_stmt* row) { found = found || text(row, 0) == name; });
            return found;
        }
        template <class Visit>
        void each(const std::string& query, Visit visit) const {
            sqlite3_stmt* raw = nullptr;
            if (sqlite3_prepare_v2(db_.get(), query.c_str(), -1, &raw, nullptr) != SQLITE_OK)
                fail();
            const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> row{raw, sqlite3_finalize};
            int rc = SQLITE_ROW;
            while ((rc = sqlite3_step(row.get())) == SQLITE_ROW) visit(row.get());
            if (rc != SQLITE_DONE) fail();
        }
        static std::string text(sqlite3_stmt* row, int column) {
            const auto* bytes = sqlite3_column_text(row, column);
            return bytes ? reinterpret_cast<const char*>(bytes) : "";
        }

    private:
        [[noreturn]] void fail() const {
            models::fail_file(
                path_, fmt::format("SQLite: {}", db_ ? sqlite3_errmsg(db_.get()) : "out of memory"),
                "is it a whole export of Nsight Systems (.sqlite)?");
        }
        std::string path_;
        std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_{nullptr, sqlite3_close};
    };

    /// Ranges with sizes, by thread, sorted by start.
    static std::map<long long, Threads> ranges(const Data& data) {
        std::map<long long, Threads> out;
        if (!data.has_table("NVTX_EVENTS")) return out;
        const bool ids = data.has_table("StringIds");
        long long id = 0;
        data.each(ids ? "SELECT n.start, n.end, n.globalTid, coalesce(n.text, s.value) FROM "
                        "NVTX_EVENTS n LEFT JOIN StringIds s ON n.textId = s.id "
                        "WHERE n.end IS NOT NULL ORDER BY n.start"
                      : "SELECT start, end, globalTid, text FROM NVTX_EVENTS WHERE end IS NOT NULL "
                        "ORDER BY start",
                  [&](sqlite3_stmt* row) {
                      Range range{sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), id++,
                                  Data::text(row, 3)};
                      if (range.text.find("sizes = [") != std::string::npos)
                          out[sqlite3_column_int64(row, 2)].push_back(std::move(range));
                  });
        return out;
    }

    /// Ranges of a thread nest, so the last one that began and has not ended is the innermost.
    static const Range* innermost(const Threads& thread, long long at) {
        constexpr int kDeepest = 64;
        auto after = std::upper_bound(thread.begin(), thread.end(), at,
                                      [](long long t, const Range& r) { return t < r.start; });
        for (int i = 0; i < kDeepest && after != thread.begin(); ++i)
            if ((--after)->end >= at) return &*after;
        return nullptr;
    }

    /// "aten::mm, op_id = 12, sizes = [[4096, 7168], [7168, 2048]]"
    static ProfiledCall parsed(const std::string& text) {
        ProfiledCall call;
        call.op = text.substr(0, text.find(','));
        const std::size_t begin = text.find("sizes = [");
        std::string number;
        int depth = 0;
        for (std::size_t i = begin + 8; i < text.size(); ++i) {
            const char c = text[i];
            const bool digit = c >= '0' && c <= '9';
            if (digit && number.size() < 15) number += c;
            if (!digit && !number.empty()) {
                if (!call.inputs.empty()) call.inputs.back().push_back(std::stod(number));
                number.clear();
            }
            if (c == '[' && ++depth == 2) call.inputs.emplace_back();
            if (c == ']' && --depth == 0) break;
        }
        return call;
    }
};

const sim::Register<Importer, Nsys> entry{"nsys",
                                          "SQLite export of Nsight Systems, recorded with sizes"};

}  // namespace
}  // namespace moesim::analysis
