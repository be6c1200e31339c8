// FILE functions that write, under all their names. Formatted output is made into text first, by the fiber, and then
// written in one piece.
#include "hooked.hpp"
#include "stdio.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

using ramie::hook::file_use;
using ramie::hook::for_fiber;
using ramie::hook::on_file;
using ramie::hook::real_file_call;

namespace {

constexpr int none = ramie::detail::file_call::no_delimiter;

template <class Call>
int byte_to(FILE* file, Call&& call) {
    return on_file(file, file_use::write, 1, none, EOF, call);
}

using byte_call = real_file_call<int (*)(int, FILE*)>;
constinit byte_call real_fputc("fputc"), real_fputc_unlocked("fputc_unlocked"), real_putw("putw");
constinit real_file_call<int (*)(FILE*, int)> real_overflow("__overflow");
constinit real_file_call<int (*)(char const*, FILE*)> real_fputs("fputs"), real_fputs_unlocked("fputs_unlocked");
constinit real_file_call<int (*)(char const*)> real_puts("puts");
constinit real_file_call<void (*)(char const*)> real_perror("perror");
constinit real_file_call<size_t (*)(void const*, size_t, size_t, FILE*)> real_fwrite("fwrite"),
    real_fwrite_unlocked("fwrite_unlocked");
constinit real_file_call<int (*)(FILE*, char const*, va_list)> real_vfprintf("vfprintf");
constinit real_file_call<int (*)(FILE*, int, char const*, va_list)> real_vfprintf_chk("__vfprintf_chk");
constinit real_file_call<int (*)(int, char const*, va_list)> real_vdprintf("vdprintf");
constinit real_file_call<int (*)(int, int, char const*, va_list)> real_vdprintf_chk("__vdprintf_chk");
constinit real_file_call<int (*)(char**, char const*, va_list)> real_vasprintf("vasprintf");
constinit real_file_call<int (*)(char**, int, char const*, va_list)> real_vasprintf_chk("__vasprintf_chk");
constinit real_file_call<int (*)(FILE*)> real_fflush("fflush"), real_fflush_unlocked("fflush_unlocked"),
    real_fclose("fclose");

// By a fiber: format() makes the text, put() writes it.
template <class Format, class Put>
int print(Format&& format, Put&& put) {
    char* text = nullptr;
    auto const length = format(&text);
    if (length < 0) return -1;
    auto const result = put(text, static_cast<size_t>(length)) ? length : -1;
    auto const error = errno;
    std::free(text);
    errno = error;
    return result;
}
auto to_file(FILE* file) {
    return [file](char const* text, size_t size) {
        return on_file(file, file_use::write, size, none, size_t{0}, [=] { return real_fwrite(text, 1, size, file); }) ==
               size;
    };
}
auto to_descriptor(int fd) {
    return [fd](char const* text, size_t size) {
        while (size > 0) {
            auto const n = write(fd, text, size);
            if (n < 0) return false;
            text += n;
            size -= static_cast<size_t>(n);
        }
        return true;
    };
}

}  // namespace

RAMIE_FILE_CALL(int, fputc, (int byte, FILE* file)) {
    return byte_to(file, [=] { return real_fputc(byte, file); });
}
RAMIE_FILE_CALL(int, putc, (int byte, FILE* file)) { return hooked_fputc(byte, file); }
RAMIE_FILE_CALL(int, _IO_putc, (int byte, FILE* file)) { return hooked_fputc(byte, file); }
RAMIE_FILE_CALL(int, putchar, (int byte)) { return hooked_fputc(byte, stdout); }
RAMIE_FILE_CALL(int, fputc_unlocked, (int byte, FILE* file)) {
    return byte_to(file, [=] { return real_fputc_unlocked(byte, file); });
}
RAMIE_FILE_CALL(int, putc_unlocked, (int byte, FILE* file)) { return hooked_fputc_unlocked(byte, file); }
RAMIE_FILE_CALL(int, putchar_unlocked, (int byte)) { return hooked_fputc_unlocked(byte, stdout); }
// Called by the inline putc_unlocked() when the buffer is full.
RAMIE_FILE_CALL(int, __overflow, (FILE * file, int byte)) {
    return byte_to(file, [=] { return real_overflow(file, byte); });
}
RAMIE_FILE_CALL(int, putw, (int word, FILE* file)) {
    return on_file(file, file_use::write, sizeof word, none, EOF, [=] { return real_putw(word, file); });
}

RAMIE_FILE_CALL(int, fputs, (char const* text, FILE* file)) {
    return on_file(file, file_use::write, std::strlen(text), none, EOF, [=] { return real_fputs(text, file); });
}
RAMIE_FILE_CALL(int, fputs_unlocked, (char const* text, FILE* file)) {
    return on_file(file, file_use::write, std::strlen(text), none, EOF, [=] { return real_fputs_unlocked(text, file); });
}
RAMIE_FILE_CALL(int, puts, (char const* text)) {
    return on_file(stdout, file_use::write, std::strlen(text) + 1, none, EOF, [=] { return real_puts(text); });
}
RAMIE_FILE_CALL(size_t, fwrite, (void const* from, size_t size, size_t count, FILE* file)) {
    return on_file(file, file_use::write, size * count, none, size_t{0},
                   [=] { return real_fwrite(from, size, count, file); });
}
RAMIE_FILE_CALL(size_t, fwrite_unlocked, (void const* from, size_t size, size_t count, FILE* file)) {
    return on_file(file, file_use::write, size * count, none, size_t{0},
                   [=] { return real_fwrite_unlocked(from, size, count, file); });
}

RAMIE_FILE_CALL(int, vfprintf, (FILE * file, char const* format, va_list args)) {
    if (for_fiber() == nullptr) return real_vfprintf(file, format, args);
    return print([&](char** text) { return real_vasprintf(text, format, args); }, to_file(file));
}
RAMIE_FILE_CALL(int, __vfprintf_chk, (FILE * file, int flag, char const* format, va_list args)) {
    if (for_fiber() == nullptr) return real_vfprintf_chk(file, flag, format, args);
    return print([&](char** text) { return real_vasprintf_chk(text, flag, format, args); }, to_file(file));
}
RAMIE_FILE_CALL(int, vdprintf, (int fd, char const* format, va_list args)) {
    if (for_fiber() == nullptr) return real_vdprintf(fd, format, args);
    return print([&](char** text) { return real_vasprintf(text, format, args); }, to_descriptor(fd));
}
RAMIE_FILE_CALL(int, __vdprintf_chk, (int fd, int flag, char const* format, va_list args)) {
    if (for_fiber() == nullptr) return real_vdprintf_chk(fd, flag, format, args);
    return print([&](char** text) { return real_vasprintf_chk(text, flag, format, args); }, to_descriptor(fd));
}
RAMIE_FILE_CALL(int, vprintf, (char const* format, va_list args)) { return hooked_vfprintf(stdout, format, args); }
RAMIE_FILE_CALL(int, __vprintf_chk, (int flag, char const* format, va_list args)) {
    return hooked___vfprintf_chk(stdout, flag, format, args);
}

#define RAMIE_PRINTF(name, parameters, call)                                                                           \
    RAMIE_FILE_CALL(int, name, parameters) {                                                                           \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        auto const n = call;                                                                                           \
        va_end(args);                                                                                                  \
        return n;                                                                                                      \
    }
RAMIE_PRINTF(printf, (char const* format, ...), hooked_vfprintf(stdout, format, args))
RAMIE_PRINTF(fprintf, (FILE * file, char const* format, ...), hooked_vfprintf(file, format, args))
RAMIE_PRINTF(dprintf, (int fd, char const* format, ...), hooked_vdprintf(fd, format, args))
RAMIE_PRINTF(__printf_chk, (int flag, char const* format, ...), hooked___vfprintf_chk(stdout, flag, format, args))
RAMIE_PRINTF(__fprintf_chk, (FILE * file, int flag, char const* format, ...),
             hooked___vfprintf_chk(file, flag, format, args))
RAMIE_PRINTF(__dprintf_chk, (int fd, int flag, char const* format, ...), hooked___vdprintf_chk(fd, flag, format, args))

// It prints the error in errno at the time of the call.
RAMIE_FILE_CALL(void, perror, (char const* before)) {
    auto const error = errno;
    on_file(stderr, file_use::write, 256, none, 0, [=] {
        errno = error;
        real_perror(before);
        return 0;
    });
}

RAMIE_FILE_CALL(int, fflush, (FILE * file)) {
    return on_file(file, file_use::flush, 0, none, EOF, [=] { return real_fflush(file); });
}
RAMIE_FILE_CALL(int, fflush_unlocked, (FILE * file)) {
    return on_file(file, file_use::flush, 0, none, EOF, [=] { return real_fflush_unlocked(file); });
}
// A FILE whose close is refused is closed in any case; bytes that could not be written are lost.
RAMIE_FILE_CALL(int, fclose, (FILE * file)) {
    return on_file(file, file_use::close, 0, none, EOF, [=] { return real_fclose(file); });
}
