// Text that is shown on a terminal, whatever it is.
#include "dump/plain_text.hpp"

#include <doctest/doctest.h>

using namespace ramie::detail;
using namespace std::chrono_literals;

TEST_CASE("dump text: what could end a line, a quotation or a terminal's patience is escaped") {
    CHECK(quoted("reader 7") == "\"reader 7\"");
    CHECK(quoted("") == "\"\"");
    CHECK(quoted("a\nb\tc\r\x1b[31m\x7f") == R"("a\x0ab\x09c\x0d\x1b[31m\x7f")");
    CHECK(quoted(R"(say "hi" \o/)") == R"("say \"hi\" \\o/")");
    CHECK(quoted(std::string("a\0b", 3)) == R"("a\x00b")");
}

TEST_CASE("dump text: UTF-8 is shown, and what is none is escaped byte by byte") {
    CHECK(quoted("Grüße, 世界 🧵") == "\"Grüße, 世界 🧵\"");
    CHECK(quoted("\xff\xfe") == R"("\xff\xfe")");
    CHECK(quoted("\xc0\xaf") == R"("\xc0\xaf")");                  // overlong
    CHECK(quoted("\xe0\x80\xaf") == R"("\xe0\x80\xaf")");          // overlong
    CHECK(quoted("\xed\xa0\x80") == R"("\xed\xa0\x80")");          // a surrogate
    CHECK(quoted("\xf4\x90\x80\x80") == R"("\xf4\x90\x80\x80")");  // beyond the last
    CHECK(quoted("end \xe4\xb8") == R"("end \xe4\xb8")");          // cut off
    CHECK(quoted("\xc2\x9b"
                 "31m") == R"("\xc2\x9b31m")");  // a terminal's CSI in one character
    CHECK(quoted("\xe2\x80\xae"
                 "abc") == R"("\xe2\x80\xaeabc")");  // turns the direction of writing
}

TEST_CASE("dump text: long text is cut, but never in the middle of a character") {
    CHECK(quoted(std::string(10'000, 'x'), 5) == "\"xxxxx...\"");
    CHECK(quoted("äöü", 6) == "\"äöü\"");
    CHECK(quoted("äöü", 5) == "\"äö...\"");
    CHECK(quoted("äöü", 1) == "\"...\"");
}

TEST_CASE("dump text: times and sizes have the digits that matter") {
    CHECK(time_text(-1s) == "0 ms");
    CHECK(time_text(1500us) == "2 ms");
    CHECK(time_text(12'340ms) == "12.3 s");
    CHECK(time_text(10min) == "10 min");
    CHECK(time_text(50h) == "50 h");
    CHECK(size_text(812) == "812 B");
    CHECK(size_text(1536) == "1.5 KiB");
    CHECK(size_text(192 << 10) == "192 KiB");
    CHECK(size_text(5u << 20) == "5.0 MiB");
    CHECK(count_text(1, "task") == "1 task");
    CHECK(count_text(0, "task") == "0 tasks");
}
