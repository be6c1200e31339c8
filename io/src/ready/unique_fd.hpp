#pragma once

#include <ramie/unique_fd.hpp>

namespace ramie::detail {

using ramie::unique_fd;

}  // namespace ramie::detail
