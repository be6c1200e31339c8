// Files in blocking style.
//
// The system cannot say when a read of a regular file would not block, so each call is made on a thread of the blocking
// pool while the fiber waits. Pipes, FIFOs and terminals that are opened by name wait like sockets, without a thread.
//
// Every wait ends at an abort, a timeout or a close() from another fiber, and the file stays usable. The system call
// that was under way continues with a buffer of its own, never in the caller's memory. What it reads is given to the
// next read; what it writes may still reach the file. The next call on the file waits until it has ended, so writes
// never overtake each other.
//
// A call moves at most 256 KiB, so read and write may give less than asked for. From a plain thread all calls work too,
// and block the thread.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/stream/exact_reading.hpp>
#include <ramie/detail/stream/whole_writing.hpp>
#include <ramie/io_error.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace ramie {

namespace detail {
class pool_file;
}

// How to open a file. At least one of read, write and append must be set, and truncate, create and create_new need
// write or append; otherwise open() throws std::invalid_argument.
struct open_options {
    bool read = false;
    bool write = false;
    bool append = false;       // each write goes to the end of the file as it is then (pwrite too, as on any Linux)
    bool truncate = false;     // remove its content
    bool create = false;       // make the file if it does not exist
    bool create_new = false;   // make the file; errc::file_exists if it exists
    unsigned permissions = 0666;  // of a new file, less the process's umask
};

enum class seek_from : std::uint8_t { start, current, end };

// One open file. Move-only; destroying it closes it. pread, pwrite and all calls that do not use the position may be
// made by several fibers at once; read, write and seek share one position, so only one of them at a time. All but
// close() and native_handle() are suspension points.
//
// Other kinds of files. A directory can be opened; reading it is errc::is_a_directory. A FIFO opened for reading waits
// for a writer not in open(), but in read(), which gives 0 when the last writer has gone; opened only for writing while
// it has no reader, it is errc::no_such_device_or_address. Opening a FIFO, a pipe or a terminal outside a runtime
// throws no_runtime. A file without a position (a FIFO, a terminal) answers pread, pwrite and seek with
// errc::invalid_seek. Writing to a FIFO without a reader is errc::broken_pipe and no signal.
// read_exactly and write_all come from the bases.
class file : public detail::exact_reading<file>, public detail::whole_writing<file> {
  public:
    RAMIE_API static std::expected<file, std::error_code> open(std::string path, open_options const& how);
    // For reading.
    static std::expected<file, std::error_code> open(std::string path) { return open(std::move(path), {.read = true}); }
    // For writing: the file is made if it does not exist, and emptied if it does.
    static std::expected<file, std::error_code> create(std::string path) {
        return open(std::move(path), {.write = true, .truncate = true, .create = true});
    }

    RAMIE_API file(file&&) noexcept;
    RAMIE_API file& operator=(file&&) noexcept;
    RAMIE_API ~file();

    // --- at the position, which moves on ---
    // At least one byte; 0: the end, or `into` is empty.
    RAMIE_API std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }
    // At least one byte. In append mode: at the end; the position is then only that of reads, and stays.
    RAMIE_API std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write(std::string_view from) {
        return write(std::as_bytes(std::span(from)));
    }
    // The new position, from the start. Beyond the end is allowed; before the start is errc::invalid_argument.
    RAMIE_API std::expected<std::uint64_t, std::error_code> seek(std::int64_t offset,
                                                                 seek_from from = seek_from::start);

    // --- at an offset, whatever the position ---
    RAMIE_API std::expected<std::size_t, std::error_code> pread(std::span<std::byte> into, std::uint64_t offset);
    std::expected<std::size_t, std::error_code> pread(std::span<char> into, std::uint64_t offset) {
        return pread(std::as_writable_bytes(into), offset);
    }
    RAMIE_API std::expected<std::size_t, std::error_code> pwrite(std::span<std::byte const> from, std::uint64_t offset);
    std::expected<std::size_t, std::error_code> pwrite(std::string_view from, std::uint64_t offset) {
        return pwrite(std::as_bytes(std::span(from)), offset);
    }

    // --- the whole file ---
    RAMIE_API std::expected<std::uint64_t, std::error_code> size() const;
    // Cuts the file off at this size, or fills it with zeros up to it.
    RAMIE_API std::expected<void, std::error_code> truncate(std::uint64_t size);
    // Returns when all that was written is on the disk: sync() with all of the file's metadata (times, size),
    // datasync() with only as much of it as reading needs. Only these tell whether writing has succeeded: close() does
    // not.
    RAMIE_API std::expected<void, std::error_code> sync();
    RAMIE_API std::expected<void, std::error_code> datasync();

    // Waiting calls return errc::operation_canceled; later calls are errc::bad_file_descriptor. May be called again,
    // and by any fiber or thread.
    RAMIE_API void close() noexcept;
    // The descriptor; -1 once closed. The file still owns it.
    RAMIE_API int native_handle() const noexcept;

  private:
    struct opened;
    explicit file(opened&& o);
    static std::expected<opened, std::error_code> open_blocking(std::string const& path, int flags,
                                                                unsigned permissions);
    template <class Call>
    std::expected<std::uint64_t, std::error_code> ask(char const* what, Call call) const;

    enum class kind : std::uint8_t {
        positioned,  // regular files, disks: pread and pwrite, on the pool
        unpolled,    // devices that are always ready (/dev/null): read and write, on the pool
        fifo,        // watched like a socket
        watched
    };

    std::shared_ptr<detail::pool_file> on_pool_;  // positioned and unpolled
    detail::owned_descriptor watched_;            // the others
    kind kind_;
    bool append_;
    std::uint64_t position_ = 0;
};

// The whole content of a file. Suspension point.
RAMIE_API std::expected<std::string, std::error_code> read_file(std::string path);
// Makes the file, or replaces its content (not in one step: a reader may see a part). Suspension point; an abort leaves
// a part.
RAMIE_API std::expected<void, std::error_code> write_file(std::string path, std::span<std::byte const> content);
inline std::expected<void, std::error_code> write_file(std::string path, std::string_view content) {
    return write_file(std::move(path), std::as_bytes(std::span(content)));
}

}  // namespace ramie
