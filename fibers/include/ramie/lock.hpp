// The standard's owners of locks and its algorithms over several, under Ramie's name: they need nothing but Lockable.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <mutex>

namespace ramie {

using std::adopt_lock;
using std::adopt_lock_t;
using std::defer_lock;
using std::defer_lock_t;
using std::lock;
using std::lock_guard;
using std::scoped_lock;
using std::try_lock;
using std::try_to_lock;
using std::try_to_lock_t;
using std::unique_lock;

}  // namespace ramie
