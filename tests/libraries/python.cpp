// CPython inside a fiber program: each fiber has a thread state of its own, and Python's calls that wait let the others in.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "library_run.hpp"

namespace {

constexpr std::size_t fibers = 20;

constexpr char script[] = R"(
import socket, time
with socket.create_connection(("127.0.0.1", port)) as s:
    s.settimeout(20)
    for i in range(20):
        text = f"INCR python{job}\r\n".encode()
        s.sendall(text)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += s.recv(100)
        assert answer == f":{i + 1}\r\n".encode(), answer
    time.sleep(0.5)
)";

std::vector<std::string> redis(std::uint16_t port, real_server::folder const& home) {
    return {real_server::find_program("redis-server"), "--port", std::to_string(port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", home.path()};
}

bool runs_the_script(PyInterpreterState* interpreter, int port, std::size_t job) {
    auto* const mine = ::PyThreadState_New(interpreter);
    ::PyEval_AcquireThread(mine);
    auto* const names = ::PyDict_New();
    auto* const the_port = ::PyLong_FromLong(port);
    auto* const the_job = ::PyLong_FromSize_t(job);
    ::PyDict_SetItemString(names, "__builtins__", ::PyEval_GetBuiltins());
    ::PyDict_SetItemString(names, "port", the_port);
    ::PyDict_SetItemString(names, "job", the_job);
    auto* const result = ::PyRun_String(script, Py_file_input, names, names);
    bool const good = result != nullptr;
    if (!good) ::PyErr_Print();
    Py_XDECREF(result);
    Py_DECREF(the_job);
    Py_DECREF(the_port);
    Py_DECREF(names);
    ::PyThreadState_Clear(mine);
    ::PyThreadState_DeleteCurrent();
    return good;
}

}  // namespace

int main() {
    return library_run::main({"redis-server"}, [] {
        library_run::server const there(redis);
        ::Py_InitializeEx(0);
        // Python knows who imports a module by the OS thread. Two fibers of one worker that wait for its big lock in the middle of
        // an import would take each other for themselves: so what is imported is there before.
        if (::PyRun_SimpleString("import socket, time, encodings.idna") != 0) return false;
        auto* const interpreter = ::PyInterpreterState_Get();
        auto* const first = ::PyEval_SaveThread();
        bool const good = ramie::run_as_threads({.workers = 2}, [&] {
            return library_run::round("scripts that sleep for 0.5 s", fibers,
                                      [&](std::size_t i) { return runs_the_script(interpreter, there.port(), i); });
        });
        ::PyEval_RestoreThread(first);
        return ::Py_FinalizeEx() == 0 && good;
    });
}
