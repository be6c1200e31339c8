// What the two fan_outs have in common: a request is a line of words, a question for each upstream.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fan_out {

inline constexpr std::size_t longest_line = 1024;  // of requests and of answers, with its end
inline constexpr std::size_t most_questions = 64;

// Split at spaces; what is beyond the 64th is left out.
inline std::vector<std::string> questions_in(std::string_view request) {
    std::vector<std::string> questions;
    while (questions.size() < most_questions) {
        auto const start = request.find_first_not_of(' ');
        if (start == request.npos) break;
        request.remove_prefix(start);
        auto const end = std::min(request.find(' '), request.size());
        questions.emplace_back(request.substr(0, end));
        request.remove_prefix(end);
    }
    return questions;
}

inline std::string joined(std::vector<std::string> const& answers) {
    std::string line;
    for (auto const& answer : answers) line += (line.empty() ? "" : " ") + answer;
    return line + '\n';
}

}  // namespace fan_out
