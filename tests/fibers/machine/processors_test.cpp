// How many processors this process can keep busy.
#include <ramie/detail/machine/processors.hpp>
#include <ramie/jthread.hpp>
#include <ramie/thread.hpp>

#include "machine/affinity.hpp"
#include "machine/cpu_quota.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include <sched.h>

using namespace ramie::detail;

namespace {

// A /proc and a /sys of our own.
class system_root {
  public:
    system_root() {
        char name[] = "/tmp/ramie-root-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    ~system_root() { std::filesystem::remove_all(path_); }

    void write(std::string const& path, std::string const& text) {
        auto const whole = path_ + path;
        std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
        std::ofstream(whole) << text;
    }
    void write_process(std::string const& groups, std::string const& mounts) {
        write("/proc/self/cgroup", groups);
        write("/proc/self/mountinfo", mounts);
    }
    std::optional<unsigned> quota() const { return cpu_quota(path_); }

  private:
    std::string path_;
};

std::string const second_mount = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
std::string const first_mount = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct\n";
std::string const other_mounts =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "35 31 0:32 / /sys/fs/cgroup/cpuset rw shared:5 - cgroup cgroup rw,cpuset\n";

}  // namespace

TEST_CASE("processors: a mask larger than 1,024 processors is asked for until the kernel takes it") {
    std::size_t asked = 0;
    auto const kernel_of = [&](std::size_t processors) {
        return [&asked, processors](std::size_t bytes, unsigned long* mask) {
            ++asked;
            if (bytes * 8 < processors) {
                errno = EINVAL;
                return -1;
            }
            for (std::size_t i = 0; i < processors; i += 2) mask[i / 64] |= 1ul << i % 64;
            return 0;
        };
    };
    CHECK(count_affinity(kernel_of(4)) == 2);
    CHECK(asked == 1);
    CHECK(count_affinity(kernel_of(1024)) == 512);
    CHECK(asked == 2);
    CHECK(count_affinity(kernel_of(1026)) == 513);
    CHECK(asked == 4);
    CHECK(count_affinity(kernel_of(8192)) == 4096);
}

TEST_CASE("processors: a kernel that will not say is not asked for ever") {
    std::size_t asked = 0;
    CHECK(count_affinity([&](std::size_t, unsigned long*) { return ++asked, errno = ENOSYS, -1; }) == 0);
    CHECK(asked == 1);
    asked = 0;
    CHECK(count_affinity([&](std::size_t, unsigned long*) { return ++asked, errno = EINVAL, -1; }) == 0);
    CHECK(asked < 30);
}

TEST_CASE("processors: a quota is rounded up to whole processors") {
    CHECK(processors_in("200000", "100000") == 2);
    CHECK(processors_in("200001", "100000") == 3);
    CHECK(processors_in("250000\n", "100000\n") == 3);
    CHECK(processors_in("1000", "100000") == 1);
    CHECK(processors_in("9223372036854775807", "1") == std::numeric_limits<unsigned>::max());
    for (auto const* none : {"max", "-1", "0", "", "ten", "1.5", "99999999999999999999"}) {
        CAPTURE(none);
        CHECK_FALSE(processors_in(none, "100000"));
        CHECK_FALSE(processors_in("100000", none));
    }
}

TEST_CASE("processors: the group of a process is the first version's, if that has the controller") {
    CHECK(find_cpu_group("0::/user.slice/a:b\n") == cpu_group{false, "/user.slice/a:b"});
    CHECK(find_cpu_group("9:name=systemd:/x\n4:cpu,cpuacct:/docker/1\n0::/docker/2\n") == cpu_group{true, "/docker/1"});
    CHECK(find_cpu_group("3:cpuset:/x\n2:cpuacct:/y\n0::/z") == cpu_group{false, "/z"});
    CHECK_FALSE(find_cpu_group("3:cpuset:/x\n2:cpuacct:/y\n"));
    CHECK_FALSE(find_cpu_group(""));
    CHECK_FALSE(find_cpu_group("nonsense\n\n:\n"));
}

TEST_CASE("processors: the group's folder is below what is mounted") {
    auto const mounts = other_mounts + first_mount + second_mount;
    CHECK(find_folder({false, "/"}, mounts) == group_folder{"/sys/fs/cgroup", ""});
    CHECK(find_folder({false, "/a/b"}, mounts) == group_folder{"/sys/fs/cgroup", "/a/b"});
    CHECK(find_folder({true, "/a/b"}, mounts) == group_folder{"/sys/fs/cgroup/cpu,cpuacct", "/a/b"});
    CHECK_FALSE(find_folder({true, "/a"}, other_mounts + second_mount));
    CHECK_FALSE(find_folder({false, "/a"}, other_mounts + first_mount));
    CHECK_FALSE(find_folder({false, "/a"}, "no mountinfo\n\n1 2 3"));
    // A container that sees only its own part; spaces in names.
    std::string const part = "31 23 0:28 /docker/1 /my\\040groups rw - cgroup2 cgroup2 rw\n";
    CHECK(find_folder({false, "/docker/1"}, part) == group_folder{"/my groups", ""});
    CHECK(find_folder({false, "/docker/1/x"}, part) == group_folder{"/my groups", "/x"});
    // Neither by its beginning alone, nor above.
    CHECK(find_folder({false, "/docker/12"}, part) == group_folder{"/my groups", ""});
    CHECK(find_folder({false, "/../other"}, second_mount) == group_folder{"/sys/fs/cgroup", ""});
    // The mount that has it, whatever comes first.
    CHECK(find_folder({false, "/b/x"}, part + second_mount) == group_folder{"/sys/fs/cgroup", "/b/x"});
}

TEST_CASE("processors: the second version's least quota from the group up to the top counts") {
    system_root root;
    CHECK_FALSE(root.quota());
    root.write_process("0::/a/b/c\n", other_mounts + second_mount);
    CHECK_FALSE(root.quota());
    root.write("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    CHECK_FALSE(root.quota());
    root.write("/sys/fs/cgroup/a/b/cpu.max", "450000 100000\n");
    CHECK(root.quota() == 5);
    root.write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    CHECK(root.quota() == 2);
    root.write("/sys/fs/cgroup/a/b/c/cpu.max", "5000 10000\n");
    CHECK(root.quota() == 1);
    root.write("/sys/fs/cgroup/a/b/c/cpu.max", "");
    CHECK(root.quota() == 2);
    root.write("/sys/fs/cgroup/cpu.max", "max 100000\n");  // the top of a container
    CHECK(root.quota() == 2);
}

TEST_CASE("processors: the first version's likewise") {
    system_root root;
    root.write_process("4:cpu,cpuacct:/a/b\n0::/\n", other_mounts + first_mount + second_mount);
    root.write("/sys/fs/cgroup/cpu.max", "100000 100000\n");  // not asked
    CHECK_FALSE(root.quota());
    std::string const top = "/sys/fs/cgroup/cpu,cpuacct";
    root.write(top + "/a/b/cpu.cfs_quota_us", "-1\n");
    root.write(top + "/a/b/cpu.cfs_period_us", "100000\n");
    CHECK_FALSE(root.quota());
    root.write(top + "/a/cpu.cfs_quota_us", "320000\n");
    root.write(top + "/a/cpu.cfs_period_us", "100000\n");
    CHECK(root.quota() == 4);
    root.write(top + "/a/b/cpu.cfs_quota_us", "50000\n");
    CHECK(root.quota() == 1);
}

TEST_CASE("processors: at least one, at most those this thread may run on, and std's thread asks the same") {
    auto const n = usable_processors();
    CHECK(n >= 1);
    if (auto const quota = cpu_quota()) CHECK(n <= *quota);
    CHECK(ramie::thread::hardware_concurrency() == n);
    CHECK(ramie::jthread::hardware_concurrency() == n);
    std::thread([] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(::sched_getcpu(), &one);
        REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
        CHECK(usable_processors() == 1);
        CHECK(ramie::thread::hardware_concurrency() == 1);
    }).join();
}
