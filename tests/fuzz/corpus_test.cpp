// Each input of the corpus once more, without libFuzzer: what was found by fuzzing stays found.
#include "target.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

void all_of(char const* name, void (*target)(std::string_view)) {
    std::vector<std::filesystem::path> files;
    for (auto const& each : std::filesystem::directory_iterator(std::filesystem::path(RAMIE_CORPUS) / name)) files.push_back(each.path());
    std::ranges::sort(files);
    REQUIRE(!files.empty());
    CHECK_NOTHROW(target(""));
    for (auto const& file : files) {
        INFO(file.string());
        std::ifstream in(file, std::ios::binary);
        std::string const bytes{std::istreambuf_iterator<char>(in), {}};
        CHECK_NOTHROW(target(bytes));
    }
}

}  // namespace

TEST_CASE("fuzz: endpoint: each input of the corpus") { all_of("endpoint", ramie::fuzz::endpoint); }
TEST_CASE("fuzz: buffered_reader: each input of the corpus") { all_of("buffered_reader", ramie::fuzz::buffered_reader); }
TEST_CASE("fuzz: options: each input of the corpus") { all_of("options", ramie::fuzz::options); }
TEST_CASE("fuzz: plain_text: each input of the corpus") { all_of("plain_text", ramie::fuzz::plain_text); }
#if RAMIE_FUZZ_HTTP
TEST_CASE("fuzz: http: each input of the corpus") { all_of("http", ramie::fuzz::http); }
#endif
#if RAMIE_FUZZ_TLS
TEST_CASE("fuzz: tls: each input of the corpus") { all_of("tls", ramie::fuzz::tls); }
#endif
