// Globals without a constructor to run, for constant_init_test.cpp, whose own global uses them before main.
#pragma once

#include <ramie/barrier.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/once_cell.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/timed_mutex.hpp>

namespace ramie::testing {

struct early_globals {
    mutex plain;
    timed_mutex timed;
    recursive_mutex recursive;
    recursive_timed_mutex recursive_timed;
    shared_mutex shared;
    once_flag once;
    condition_variable changed;
    counting_semaphore<> counting{0};
    semaphore permits{2};
    latch started{1};
    barrier<> meeting{2};
    notify signal;
    once_cell<int> made;
};

extern early_globals early;

}  // namespace ramie::testing
