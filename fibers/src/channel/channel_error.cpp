#include <ramie/channel_error.hpp>

#include <stdexcept>
#include <string>

namespace ramie::detail {

void refuse_capacity(char const* of) {
    throw std::invalid_argument(std::string("ramie: a ") + of + "'s capacity is 0; accepted are 1 and more");
}

}  // namespace ramie::detail
