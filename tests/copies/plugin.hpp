// What a plugin offers that uses Ramie inside.
#pragma once

struct plugin_calls {
    // Of a mutex of the plugin's own.
    void (*lock)();
    void (*unlock)();
    bool (*try_lock)();
    void (*sleep)();   // a millisecond
    void (*yield)();
    // Starts a task where the plugin's copy sees a runtime; what it threw, or "".
    char const* (*spawn)();
    // Runs f(argument) as a task of a runtime of the plugin's own.
    void (*run)(void (*f)(void*), void* argument);
    // Uses a bit of everything in a runtime of its own, which has ended then: tasks, blocking jobs, threads, a dump.
    void (*use_everything)();
    // Starts a runtime that is a static of the plugin, with a task that says to that descriptor when it is aborted.
    void (*keep_runtime)(int fd);
    // How many other copies the plugin's own knows.
    unsigned (*others)();
};

extern "C" plugin_calls const ramie_test_plugin;
