// What the system calls a worker.
#include "worker/thread_name.hpp"

#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <string>

#include <pthread.h>

using ramie::detail::thread_name;

TEST_CASE("thread name: the ending stays, whatever the name; what is too long is cut") {
    CHECK(thread_name("ramie", "-0") == "ramie-0");
    CHECK(thread_name("thirteen-byte", "-0") == "thirteen-byte-0");
    CHECK(thread_name("fourteen-bytes", "-0") == "fourteen-byte-0");
    CHECK(thread_name("a name that has no end", "-1023") == "a name tha-1023");
    CHECK(thread_name("", "-5") == "-5");
    CHECK(thread_name("a name that has no end", "-spare") == "a name th-spare");
}

TEST_CASE("thread name: no character is cut in two") {
    CHECK(thread_name("twelve bytes\u00e4", "-0") == "twelve bytes-0");         // of two bytes
    CHECK(thread_name("eleven byte\u20ac", "-0") == "eleven byte-0");           // of three
    CHECK(thread_name("ten bytes.\u20ac", "-0") == "ten bytes.\u20ac-0");       // fits
    CHECK(thread_name("ten bytes.\U0001f9f5", "-0") == "ten bytes.-0");         // of four
    CHECK(thread_name("nine byte\U0001f9f5", "-0") == "nine byte\U0001f9f5-0");
    CHECK(thread_name("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", "-0") == "-0");  // is no UTF-8
}

TEST_CASE("thread name: a worker has its number in it") {
    auto const name = ramie::run({.workers = 1, .thread_name = "a name that has no end"}, [] {
        char text[16];
        REQUIRE(::pthread_getname_np(::pthread_self(), text, sizeof text) == 0);
        return std::string(text);
    });
    CHECK(name == "a name that h-0");
}
