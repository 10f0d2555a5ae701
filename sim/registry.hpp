#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim::sim {

/// The kinds of one interface, reached by name: a new kind is a new file that registers itself.
///
///     const sim::Register<Fabric, SingleSwitch, sim::Table&> entry{"single_switch", "one
///     sentence"}; auto fabric = sim::Registry<Fabric, sim::Table&>::make("single_switch", table);
///
/// Args is the constructor signature shared by all kinds of the interface.
template <class Interface, class... Args>
class Registry {
public:
    struct Entry {
        std::string sentence;
        std::function<std::unique_ptr<Interface>(Args...)> make;
    };

    /// name -> entry, sorted by name.
    static std::map<std::string, Entry>& entries() {
        static std::map<std::string, Entry> all;
        return all;
    }

    static std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const auto& [name, entry] : entries()) out.push_back(name);
        return out;
    }

    /// A new object of the kind `name`; throws std::out_of_range for an unknown name (readers check
    /// names with Table::choice first, so that the user sees a located message).
    static std::unique_ptr<Interface> make(const std::string& name, Args... args) {
        return entries().at(name).make(std::forward<Args>(args)...);
    }
};

template <class Interface, class Kind, class... Args>
struct Register {
    Register(std::string name, std::string sentence) {
        Registry<Interface, Args...>::entries()[std::move(name)] = {
            std::move(sentence),
            [](Args... args) { return std::make_unique<Kind>(std::forward<Args>(args)...); }};
    }
};

}  // namespace moesim::sim
