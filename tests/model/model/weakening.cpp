#include "weakening.hpp"

#include "run.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <tuple>

namespace ramie::model {

char const* name(order o) noexcept {
    switch (o) {
        case order::relaxed: return "relaxed";
        case order::acquire: return "acquire";
        case order::release: return "release";
        case order::acq_rel: return "acq_rel";
        case order::seq_cst: return "seq_cst";
        default: return "consume";
    }
}

namespace {

constexpr char const* parts[] = {"load", "store", "modify", "fence"};

// One step down each; the weakest first.
std::vector<order> weaker_than(order o, part p) {
    switch (o) {
        case order::acquire:
        case order::release: return {order::relaxed};
        case order::acq_rel: return {order::relaxed, order::acquire, order::release};
        case order::seq_cst:
            if (p == part::load) return {order::relaxed, order::acquire};
            if (p == part::store) return {order::relaxed, order::release};
            return {order::relaxed, order::acq_rel};
        default: return {};
    }
}

std::string place(site const& s) {
    std::string_view file = s.file_name();
    if (auto const slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
    return std::string(file) + ":" + std::to_string(s.line()) + ":" + std::to_string(s.column());
}

using key = std::tuple<char const*, unsigned, unsigned, part, order>;
struct known_place {
    site where;
    order now;
    std::vector<char const*> met_by;  // test cases
};
char const* test_case = "";
std::map<key, known_place>& places() {
    static auto* const all = new std::map<key, known_place>;
    return *all;
}

}  // namespace

order weakened(order written, site const& s, part p) noexcept {
    at_work const whole;
    static std::string const target = [] {
        auto const* const wanted = std::getenv("RAMIE_MODEL_WEAKEN");
        return std::string(wanted != nullptr ? wanted : "");
    }();
    auto const [at, fresh] = places().try_emplace(key{s.file_name(), s.line(), s.column(), p, written}, known_place{s, written, {}});
    if (fresh && !target.empty()) {
        auto const start = place(s) + " " + parts[static_cast<int>(p)] + " " + name(written) + " ";
        if (target.starts_with(start))
            for (auto const o : weaker_than(written, p))
                if (target == start + name(o)) at->second.now = o;
    }
    if (auto& by = at->second.met_by; by.empty() || by.back() != test_case) by.push_back(test_case);
    return at->second.now;
}

void begin_test_case(char const* name) noexcept { test_case = name; }

namespace {
// RAMIE_MODEL_LIST names a file: at the end of the process it gets the list.
struct writes_list {
    ~writes_list() {
        auto const* const where = std::getenv("RAMIE_MODEL_LIST");
        if (where == nullptr) return;
        std::ofstream out(where);
        for (auto const& each : weakenings()) out << each << "\n";
    }
} const at_exit;
}  // namespace

std::vector<std::string> weakenings() {
    std::vector<std::string> all;
    for (auto const& [k, known] : places()) {
        auto const [file, line, column, p, written] = k;
        std::string met_by;
        for (auto const* const each : known.met_by) met_by += std::string("\t") + each;
        for (auto const o : weaker_than(written, p))
            all.push_back(place(known.where) + " " + parts[static_cast<int>(p)] + " " + name(written) + " " + name(o) + met_by);
    }
    return all;
}

}  // namespace ramie::model
