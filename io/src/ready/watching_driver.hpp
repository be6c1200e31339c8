// What all drivers of this floor have: the set of the descriptors that their runtime watches.
#pragma once

#include <ramie/detail/sleep/driver.hpp>

namespace ramie::detail {

class interest_set;

class watching_driver : public driver {
  public:
    virtual interest_set& interest() const noexcept = 0;
};

}  // namespace ramie::detail
