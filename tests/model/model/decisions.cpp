#include "decisions.hpp"

#include <limits>
#include <sstream>

namespace ramie::model {

decisions decisions::of(std::string const& text) {
    decisions d;
    std::istringstream in(text);
    for (std::string one; std::getline(in, one, '.');)
        d.path_.push_back({static_cast<unsigned>(std::stoul(one)), std::numeric_limits<unsigned>::max()});
    return d;
}

}  // namespace ramie::model
