// for (auto& x : rx), for every receiver: its next_of_range() waits for the next value; empty: there are no more.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <iterator>
#include <optional>

namespace ramie::detail {

template <class Receiver, class Value>
class receiver_iterator {
  public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit receiver_iterator(Receiver& from) : from_(&from), value_(from.next_of_range()) {}
    Value& operator*() const noexcept { return *value_; }
    receiver_iterator& operator++() {
        value_.reset();  // an aborted ++ leaves an iterator at its end
        value_ = from_->next_of_range();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(receiver_iterator const& i, std::default_sentinel_t) noexcept { return !i.value_; }

  private:
    Receiver* from_;
    mutable std::optional<Value> value_;
};

}  // namespace ramie::detail
