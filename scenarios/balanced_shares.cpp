#include <glpk.h>

#include "scenarios/per_batch.hpp"

namespace moesim::scenarios {
namespace {

/// minimise t   subject to   sum of shares of an expert = 1,   load of a member <= t
class Program {
public:
    Program(const std::vector<int>& slots, const std::vector<double>& weight, int members)
        : problem_{glp_create_prob()} {
        const int count = static_cast<int>(slots.size());
        const int experts = static_cast<int>(weight.size());
        double total = 0;
        for (const double w : weight) total += w;
        const double unit = total > 0 ? members / total : 0;  // loads in means, for conditioning
        glp_set_obj_dir(problem_, GLP_MIN);
        glp_add_rows(problem_, experts + members);
        glp_add_cols(problem_, count + 1);
        for (int e = 1; e <= experts; ++e) glp_set_row_bnds(problem_, e, GLP_FX, 1, 1);
        for (int m = 1; m <= members; ++m) glp_set_row_bnds(problem_, experts + m, GLP_UP, 0, 0);
        std::vector<int> row{0}, column{0};
        std::vector<double> value{0};
        const auto add = [&](int r, int c, double v) {
            row.push_back(r), column.push_back(c), value.push_back(v);
        };
        for (int s = 0; s < count; ++s) {
            const auto expert = slots[static_cast<std::size_t>(s)];
            glp_set_col_bnds(problem_, s + 1, GLP_LO, 0, 0);
            add(expert + 1, s + 1, 1);
            add(experts + s / (count / members) + 1, s + 1,
                weight[static_cast<std::size_t>(expert)] * unit);
        }
        glp_set_col_bnds(problem_, count + 1, GLP_LO, 0, 0);
        glp_set_obj_coef(problem_, count + 1, 1);
        for (int m = 1; m <= members; ++m) add(experts + m, count + 1, -1);
        glp_load_matrix(problem_, static_cast<int>(row.size()) - 1, row.data(), column.data(),
                        value.data());
    }
    ~Program() { glp_delete_prob(problem_); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    std::vector<double> solve(int slots) {
        glp_smcp settings;
        glp_init_smcp(&settings);
        settings.msg_lev = GLP_MSG_OFF;
        settings.presolve = GLP_ON;
        glp_simplex(problem_, &settings);
        std::vector<double> out;
        for (int s = 1; s <= slots; ++s) out.push_back(glp_get_col_prim(problem_, s));
        return out;
    }

private:
    glp_prob* problem_;
};

}  // namespace

std::vector<std::vector<double>> balanced_shares(const Placement& placement,
                                                 const PlacementInput& input) {
    std::vector<std::vector<double>> out;
    for (std::size_t l = 0; l < placement.phy2log.size(); ++l) {
        const std::vector<int>& slots = placement.phy2log[l];
        Program program{slots, input.weight[l], input.gpus};
        out.push_back(program.solve(static_cast<int>(slots.size())));
    }
    return out;
}

}  // namespace moesim::scenarios
