// The table of docs/porting.md that the tests ask for.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace ramie::testing {

struct said_of_call {
    std::string how, signal, main, abort;
};

inline std::vector<std::string> cells_of(std::string const& line) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) {
        auto const first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
        cells.push_back(first == cell.npos ? "" : cell.substr(first, last - first + 1));
        std::erase(cells.back(), cells.size() > 2 ? '`' : '\0');
    }
    return cells;
}

// By the name of the call. A word after the name (a condition) belongs to the name.
inline std::map<std::string, said_of_call> porting_table() {
    std::map<std::string, said_of_call> all;
    std::ifstream in(PORTING);
    REQUIRE(in.is_open());
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.find("<!-- asked by tests/hook") != line.npos) inside = true;
        if (line.find("<!-- so far -->") != line.npos) inside = false;
        auto const cells = cells_of(line);
        if (!inside || cells.size() < 6 || cells[1].find('`') == std::string::npos) continue;
        std::istringstream names(cells[1]);
        for (std::string name; std::getline(names, name, '`') && std::getline(names, name, '`');) {
            CHECK_MESSAGE(all.count(name) == 0, name << " is there twice");
            all[name] = {cells[2], cells[3], cells[4], cells[5]};
        }
    }
    return all;
}

}  // namespace ramie::testing
