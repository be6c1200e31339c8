#include "stdio_polling_loops.hpp"

#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <dlfcn.h>
#include <fcntl.h>

namespace ramie::testing {

namespace {

// All by name, because many are macros here, or are built from others.
template <class F>
F* stdio(char const* name) {
    auto* const found = ::dlsym(RTLD_DEFAULT, name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return reinterpret_cast<F*>(found);
}

struct stdio_world {
    stdio_world() { out = ::fopen("/dev/null", "w"), in = ::fopen("/dev/null", "r"), fd = ::fileno(out); }
    stdio_world(stdio_world const&) = delete;
    stdio_world& operator=(stdio_world const&) = delete;
    ~stdio_world() {
        ::fclose(out);
        ::fclose(in);
        std::free(line);
    }
    FILE *out, *in;
    int fd;
    char* line = nullptr;
    std::size_t size = 0;
    char room[8] = "";
};

using call_with_list = std::function<int(va_list)>;

// A va_list of nothing.
int call_without_arguments(call_with_list const* call, ...) {
    va_list args;
    va_start(args, call);
    auto const n = (*call)(args);
    va_end(args);
    return n;
}
int without_arguments(call_with_list const& call) { return call_without_arguments(&call); }

}  // namespace

std::map<std::string, std::function<void()>> stdio_polling_loops() {
    auto const w = std::make_shared<stdio_world>();
    std::map<std::string, std::function<void()>> all;
    // Functions that read stdin must find its end: so it is /dev/null here; no other of these tests needs stdin.
    static bool const at_end = ::freopen("/dev/null", "r", stdin) != nullptr;
    REQUIRE(at_end);
    for (auto const* name : {"fgetc", "getc", "_IO_getc", "fgetc_unlocked", "getc_unlocked", "__uflow", "getw", "fflush",
                             "fflush_unlocked"})
        all[name] = [w, call = stdio<int(FILE*)>(name), name = std::string(name)] {
            (void)call(name[0] == 'f' && name[1] == 'f' ? w->out : w->in);
        };
    for (auto const* name : {"getchar", "getchar_unlocked"}) all[name] = [call = stdio<int()>(name)] { (void)call(); };
    for (auto const* name : {"fgets", "fgets_unlocked"})
        all[name] = [w, call = stdio<char*(char*, int, FILE*)>(name)] { (void)call(w->room, 8, w->in); };
    for (auto const* name : {"__fgets_chk", "__fgets_unlocked_chk"})
        all[name] = [w, call = stdio<char*(char*, size_t, int, FILE*)>(name)] { (void)call(w->room, 8, 8, w->in); };
    for (auto const* name : {"fread", "fread_unlocked"})
        all[name] = [w, call = stdio<size_t(void*, size_t, size_t, FILE*)>(name)] { (void)call(w->room, 1, 8, w->in); };
    for (auto const* name : {"__fread_chk", "__fread_unlocked_chk"})
        all[name] = [w, call = stdio<size_t(void*, size_t, size_t, size_t, FILE*)>(name)] {
            (void)call(w->room, 8, 1, 8, w->in);
        };
    all["getline"] = [w] { (void)::getline(&w->line, &w->size, w->in); };
    for (auto const* name : {"getdelim", "__getdelim"})
        all[name] = [w, call = stdio<ssize_t(char**, size_t*, int, FILE*)>(name)] {
            (void)call(&w->line, &w->size, ';', w->in);
        };
    for (std::string const prefix : {"", "__isoc99_"}) {
        all[prefix + "fscanf"] = [w, call = stdio<int(FILE*, char const*, ...)>((prefix + "fscanf").c_str())] {
            (void)call(w->in, "x");
        };
        all[prefix + "scanf"] = [call = stdio<int(char const*, ...)>((prefix + "scanf").c_str())] { (void)call("x"); };
        all[prefix + "vfscanf"] = [w, call = stdio<int(FILE*, char const*, va_list)>((prefix + "vfscanf").c_str())] {
            without_arguments([&](va_list none) { return call(w->in, "x", none); });
        };
        all[prefix + "vscanf"] = [call = stdio<int(char const*, va_list)>((prefix + "vscanf").c_str())] {
            without_arguments([&](va_list none) { return call("x", none); });
        };
    }
    for (auto const* name : {"fputc", "putc", "_IO_putc", "fputc_unlocked", "putc_unlocked", "putw"})
        all[name] = [w, call = stdio<int(int, FILE*)>(name)] { (void)call('x', w->out); };
    all["__overflow"] = [w, call = stdio<int(FILE*, int)>("__overflow")] { (void)call(w->out, 'x'); };
    for (auto const* name : {"fputs", "fputs_unlocked"})
        all[name] = [w, call = stdio<int(char const*, FILE*)>(name)] { (void)call("x", w->out); };
    for (auto const* name : {"fwrite", "fwrite_unlocked"})
        all[name] = [w, call = stdio<size_t(void const*, size_t, size_t, FILE*)>(name)] { (void)call("x", 1, 1, w->out); };
    all["fprintf"] = [w] { (void)std::fprintf(w->out, "%d", 1); };
    all["__fprintf_chk"] = [w, call = stdio<int(FILE*, int, char const*, ...)>("__fprintf_chk")] {
        (void)call(w->out, 1, "x");
    };
    all["dprintf"] = [w, call = stdio<int(int, char const*, ...)>("dprintf")] { (void)call(w->fd, "x"); };
    all["__dprintf_chk"] = [w, call = stdio<int(int, int, char const*, ...)>("__dprintf_chk")] {
        (void)call(w->fd, 1, "x");
    };
    all["vfprintf"] = [w, call = stdio<int(FILE*, char const*, va_list)>("vfprintf")] {
        without_arguments([&](va_list none) { return call(w->out, "x", none); });
    };
    all["__vfprintf_chk"] = [w, call = stdio<int(FILE*, int, char const*, va_list)>("__vfprintf_chk")] {
        without_arguments([&](va_list none) { return call(w->out, 1, "x", none); });
    };
    all["vdprintf"] = [w, call = stdio<int(int, char const*, va_list)>("vdprintf")] {
        without_arguments([&](va_list none) { return call(w->fd, "x", none); });
    };
    all["__vdprintf_chk"] = [w, call = stdio<int(int, int, char const*, va_list)>("__vdprintf_chk")] {
        without_arguments([&](va_list none) { return call(w->fd, 1, "x", none); });
    };
    all["fclose"] = [] { (void)::fclose(::fopen("/dev/null", "r")); };
    // These write to stdout and stderr, where the test's output goes: so they write nothing, or nearly nothing.
    all["printf"] = [call = stdio<int(char const*, ...)>("printf")] { (void)call("%s", ""); };
    all["__printf_chk"] = [call = stdio<int(int, char const*, ...)>("__printf_chk")] { (void)call(1, "%s", ""); };
    all["vprintf"] = [call = stdio<int(char const*, va_list)>("vprintf")] {
        without_arguments([&](va_list none) { return call("", none); });
    };
    all["__vprintf_chk"] = [call = stdio<int(int, char const*, va_list)>("__vprintf_chk")] {
        without_arguments([&](va_list none) { return call(1, "", none); });
    };
    return all;
}

}  // namespace ramie::testing

using namespace ramie::testing;

TEST_CASE("hook: a loop of stdio that never waits lets others run") {
    ramie::run({.current_thread = true}, [] {
        for (auto const& [name, call] : stdio_polling_loops()) {
            bool over = false;
            auto other = ramie::spawn([&] { over = true; });
            for (int calls = 0; !over && calls < 2000; ++calls) call();
            CHECK_MESSAGE(over, name << " goes on for ever");
            other.get();
        }
    });
}
