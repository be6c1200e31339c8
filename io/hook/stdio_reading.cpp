// FILE functions that read, under all their names.
#include "hooked.hpp"
#include "stdio.hpp"

#include <climits>

using ramie::hook::file_use;
using ramie::hook::on_file;
using ramie::hook::real_file_call;

namespace {

constexpr int none = ramie::detail::file_call::no_delimiter;

template <class Call>
int byte_of(FILE* file, Call&& call) {
    return on_file(file, file_use::read, 1, none, EOF, call);
}
template <class Call>
char* line_of(FILE* file, int size, Call&& call) {
    return on_file(file, file_use::read, size > 0 ? static_cast<size_t>(size) - 1 : 0, '\n', static_cast<char*>(nullptr),
                   call);
}
template <class Call>
size_t block_of(FILE* file, size_t size, size_t count, Call&& call) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(size, count, &bytes)) bytes = SIZE_MAX;
    return on_file(file, file_use::read, bytes, none, size_t{0}, call);
}
template <class Call>
ssize_t any_line_of(FILE* file, int delimiter, Call&& call) {
    return on_file(file, file_use::read, SIZE_MAX, delimiter, ssize_t{-1}, call);
}

using byte_call = real_file_call<int (*)(FILE*)>;
constinit byte_call real_fgetc("fgetc"), real_fgetc_unlocked("fgetc_unlocked"), real_uflow("__uflow"), real_getw("getw");
constinit real_file_call<char* (*)(char*, int, FILE*)> real_fgets("fgets"), real_fgets_unlocked("fgets_unlocked");
constinit real_file_call<size_t (*)(void*, size_t, size_t, FILE*)> real_fread("fread"),
    real_fread_unlocked("fread_unlocked");
constinit real_file_call<ssize_t (*)(char**, size_t*, int, FILE*)> real_getdelim("getdelim");

}  // namespace

RAMIE_FILE_CALL(int, fgetc, (FILE * file)) {
    return byte_of(file, [=] { return real_fgetc(file); });
}
RAMIE_FILE_CALL(int, getc, (FILE * file)) { return hooked_fgetc(file); }
RAMIE_FILE_CALL(int, _IO_getc, (FILE * file)) { return hooked_fgetc(file); }
RAMIE_FILE_CALL(int, getchar, ()) { return hooked_fgetc(stdin); }
RAMIE_FILE_CALL(int, fgetc_unlocked, (FILE * file)) {
    return byte_of(file, [=] { return real_fgetc_unlocked(file); });
}
RAMIE_FILE_CALL(int, getc_unlocked, (FILE * file)) { return hooked_fgetc_unlocked(file); }
RAMIE_FILE_CALL(int, getchar_unlocked, ()) { return hooked_fgetc_unlocked(stdin); }
// Called by the inline getc_unlocked() when the buffer is empty.
RAMIE_FILE_CALL(int, __uflow, (FILE * file)) {
    return byte_of(file, [=] { return real_uflow(file); });
}
RAMIE_FILE_CALL(int, getw, (FILE * file)) {
    return on_file(file, file_use::read, sizeof(int), none, EOF, [=] { return real_getw(file); });
}

RAMIE_FILE_CALL(char*, fgets, (char* into, int size, FILE* file)) {
    return line_of(file, size, [=] { return real_fgets(into, size, file); });
}
RAMIE_FILE_CALL(char*, fgets_unlocked, (char* into, int size, FILE* file)) {
    return line_of(file, size, [=] { return real_fgets_unlocked(into, size, file); });
}
RAMIE_FILE_CALL(char*, __fgets_chk, (char* into, size_t room, int size, FILE* file)) {
    ramie::hook::must_fit(size > 0 ? static_cast<size_t>(size) : 0, room);
    return hooked_fgets(into, size, file);
}
RAMIE_FILE_CALL(char*, __fgets_unlocked_chk, (char* into, size_t room, int size, FILE* file)) {
    ramie::hook::must_fit(size > 0 ? static_cast<size_t>(size) : 0, room);
    return hooked_fgets_unlocked(into, size, file);
}

RAMIE_FILE_CALL(size_t, fread, (void* into, size_t size, size_t count, FILE* file)) {
    return block_of(file, size, count, [=] { return real_fread(into, size, count, file); });
}
RAMIE_FILE_CALL(size_t, fread_unlocked, (void* into, size_t size, size_t count, FILE* file)) {
    return block_of(file, size, count, [=] { return real_fread_unlocked(into, size, count, file); });
}
RAMIE_FILE_CALL(size_t, __fread_chk, (void* into, size_t room, size_t size, size_t count, FILE* file)) {
    ramie::hook::must_fit(size * count, room);
    return hooked_fread(into, size, count, file);
}
RAMIE_FILE_CALL(size_t, __fread_unlocked_chk, (void* into, size_t room, size_t size, size_t count, FILE* file)) {
    ramie::hook::must_fit(size * count, room);
    return hooked_fread_unlocked(into, size, count, file);
}

RAMIE_FILE_CALL(ssize_t, getdelim, (char** line, size_t* size, int delimiter, FILE* file)) {
    return any_line_of(file, delimiter, [=] { return real_getdelim(line, size, delimiter, file); });
}
RAMIE_FILE_CALL(ssize_t, __getdelim, (char** line, size_t* size, int delimiter, FILE* file)) {
    return hooked_getdelim(line, size, delimiter, file);
}
RAMIE_FILE_CALL(ssize_t, getline, (char** line, size_t* size, FILE* file)) {
    return hooked_getdelim(line, size, '\n', file);
}

// scanf reads as much as it needs. Under the names that programs of different C standards call.
#define RAMIE_SCANF(prefix)                                                                                            \
    namespace {                                                                                                        \
    constinit real_file_call<int (*)(FILE*, char const*, va_list)> real_##prefix##vfscanf(#prefix "vfscanf");          \
    }                                                                                                                  \
    RAMIE_FILE_CALL(int, prefix##vfscanf, (FILE * file, char const* format, va_list args)) {                           \
        return on_file(file, file_use::scan, 0, none, EOF, [&] { return real_##prefix##vfscanf(file, format, args); }); \
    }                                                                                                                  \
    RAMIE_FILE_CALL(int, prefix##vscanf, (char const* format, va_list args)) {                                         \
        return hooked_##prefix##vfscanf(stdin, format, args);                                                          \
    }                                                                                                                  \
    RAMIE_FILE_CALL(int, prefix##fscanf, (FILE * file, char const* format, ...)) {                                     \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        auto const n = hooked_##prefix##vfscanf(file, format, args);                                                   \
        va_end(args);                                                                                                  \
        return n;                                                                                                      \
    }                                                                                                                  \
    RAMIE_FILE_CALL(int, prefix##scanf, (char const* format, ...)) {                                                   \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        auto const n = hooked_##prefix##vfscanf(stdin, format, args);                                                  \
        va_end(args);                                                                                                  \
        return n;                                                                                                      \
    }
RAMIE_SCANF()
RAMIE_SCANF(__isoc99_)
RAMIE_SCANF(__isoc23_)
