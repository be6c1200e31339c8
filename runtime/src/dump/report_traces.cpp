// How a dump prints backtraces.
#include "dump/plain_text.hpp"
#include "dump/report.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace ramie::detail {

namespace {

// "ramie::mutex::lock" of "void ramie::mutex::lock()": a template's name begins with its return type, and any name may end
// with what a member function adds.
std::string_view without_types(std::string_view function) noexcept {
    int depth = 0;
    std::size_t begin = 0, space = 0, arguments = function.size();
    for (std::size_t i = 0; i < function.size(); ++i) {
        auto const c = function[i];
        if (depth == 0 && c == '(') begin = space, arguments = i;
        if (depth == 0 && c == ' ') space = i + 1;
        depth += c == '(' || c == '<' ? 1 : c == ')' || c == '>' ? -1 : 0;
    }
    return function.substr(begin, arguments - begin);
}

// The runtime's own frames, at both ends of a trace: how a wait is made, and how a task is run.
bool is_internal(code_place const& place) noexcept {
    auto const name = without_types(place.function);
    if (name.starts_with("ramie::detail::") || name.starts_with("std::") || name == "ramie_start_fiber") return true;
    // Where there is little debug information (-g1), inlined functions have no namespace: then the file tells.
    if (name.empty() || name.substr(0, name.find('<')).contains("::")) return false;
    std::string_view const file = place.file;
    return file.contains("/ramie/detail/") || file.contains("/fibers/src/") || file.contains("/include/c++/");
}

struct shown_frame {
    std::uintptr_t address;
    code_place place;
};

}  // namespace

void report::print_trace(trace_number n, std::string const& indent) {
    if (n == trace_book::none) return;
    if (n == trace_book::others) {
        text_ += indent + "no backtrace: there were too many different ones before\n";
        return;
    }
    auto const& t = book_[n];
    std::vector<shown_frame> frames;
    for (std::size_t i = 0; i < t.frames.size(); ++i) {
        auto const& places = symbols_.of(t.frames[i], i > 0);
        for (auto const& place : places) frames.push_back({t.frames[i], place});
        if (places.empty()) frames.push_back({t.frames[i], {}});
    }
    auto const is_users = [&](shown_frame const& f) {
        return !is_internal(f.place) && !is_nameless_of_library(f.address, f.place);
    };
    auto first = std::ranges::find_if(frames, is_users);
    auto last = std::find_if(frames.rbegin(), std::make_reverse_iterator(first), is_users).base();
    if (first == frames.end()) first = frames.begin(), last = frames.end();
    // The end of a trace that was lost, or is too deep, is not its entry.
    if (t.end != trace::ending::entry) last = frames.end();
    std::size_t number = 0;
    for (auto at = first; at != last; ++at) {
        if (number == options_.most_frames) {
            text_ += indent + "... " + std::to_string(last - at) + " more frames\n";
            break;
        }
        print_frame(number++, at->address, at->place, indent);
    }
    switch (t.end) {
    case trace::ending::entry: break;
    case trace::ending::deep: text_ += indent + "... more frames, which were not copied\n"; break;
    case trace::ending::lost:
        text_ += indent + "... and no further: no unwind information, or the stack changed while it was copied\n";
        break;
    case trace::ending::not_taken: break;
    }
}

// A frame of the stripped shared library, whose inner functions have no names then.
bool report::is_nameless_of_library(std::uintptr_t address, code_place const& place) const {
    if (!place.function.empty() || !place.file.empty()) return false;
    auto const in = symbols_.in_file(address).file;
    return in.substr(in.rfind('/') + 1).starts_with("libramie.so");
}

void report::print_frame(std::size_t number, std::uintptr_t address, code_place const& place,
                         std::string const& indent) {
    text_ += indent + "#" + std::to_string(number) + " ";
    if (!place.function.empty())
        text_ += escaped(place.function, 400);
    else
        text_ += address_text(reinterpret_cast<void const*>(address));
    if (!place.file.empty()) {
        text_ += "  " + escaped(place.file, 300) + ":" + std::to_string(place.line) + "\n";
        return;
    }
    auto const in = symbols_.in_file(address);
    if (in.file.empty())
        text_ += "  in no file\n";
    else
        text_ += "  " + escaped(in.file, 300) + "+" + address_text(reinterpret_cast<void const*>(in.offset)) + "\n";
    without_names_.insert(address);
}

// For what has no file and line here: on a machine that has the tool, or the debug information.
void report::print_addr2line() {
    std::map<std::string, std::string> input;
    for (auto const address : without_names_) {
        auto const in = symbols_.in_file(address);
        if (in.file.empty() || input[in.file].size() > 4096) continue;
        input[in.file] += " " + address_text(reinterpret_cast<void const*>(in.offset));
    }
    if (!symbols::know_lines()) text_ += "\nlibdw (elfutils) is not there, so files and lines are not known here.\n";
    for (auto const& [file, addresses] : input)
        text_ += "for lines: addr2line -Cfipe " + quoted(file, 4096) + addresses + "\n";
}

}  // namespace ramie::detail
