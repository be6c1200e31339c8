"""Ramie's tasks in gdb: of a live process and of a core, without running code in it.

    info ramie                   the runtimes and their workers
    info ramie tasks [TEXT]      the unfinished tasks; those whose line has TEXT in it
    ramie bt ID | all            where a task stands, or each of them
    ramie frame ID               makes gdb's frames those of a task: up, down, info locals, print. Its stack begins at frame 1,
                                 frame 0 stays the thread's. `ramie frame` alone, or letting the program go on, ends that

and printers for join_handle, mutex, and the ends of a channel.

gdb loads this file by itself with libramie.so, from where it is installed; a program that is linked with the static
library is given it by `source`. What it must know of the library's layout it reads from a table in the library
(ramie_debug_root, runtime/src/dump/debug_layout.hpp), so debug information is needed for files, lines and variables
only. Backtraces are for x86-64.
"""

import re
import struct

import gdb
import gdb.printing
import gdb.unwinder

PHASES = ("unstarted", "running", "parked", "finished")
ON_A_BLOCKING_THREAD = 2  # task::body
LOCKS = ("mutex", "timed_mutex", "recursive_mutex", "recursive_timed_mutex")


# --- memory ---


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return struct.unpack("<Q", read(address, 8))[0]


def number(address):
    return struct.unpack("<I", read(address, 4))[0]


def text(address, most=200):
    """A C string; what a terminal might take for a command is escaped, and so is what is no UTF-8."""
    if address == 0:
        return ""
    found = b""
    while b"\0" not in found and len(found) < most:
        try:
            found += read(address + len(found), 16)
        except gdb.MemoryError:
            break
    found, is_whole, _ = found.partition(b"\0")
    shown = found[:most].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown) + ("" if is_whole else "...")


# --- the library's tables ---


class Library:
    """What ramie_debug_root says."""

    def __init__(self):
        try:
            root = int(gdb.parse_and_eval("(unsigned long) &ramie_debug_root"))
        except gdb.error:
            raise gdb.GdbError("ramie: there is no ramie_debug_root: the program has no libramie, or has not loaded it yet")
        mark = read(root, 8).rstrip(b"\0")
        if mark != b"ramie-1":
            raise gdb.GdbError(f"ramie: the library calls its tables {mark!r}, and this script knows those of ramie-1")
        self.list_of_runtimes = word(root + 8)
        self.rows = {}
        at = word(root + 16)
        while True:
            name, value = struct.unpack("<32sQ", read(at, 40))
            if name[0] == 0:
                break
            self.rows[name.rstrip(b"\0").decode()] = value
            at += 40

    def __getitem__(self, name):
        if name not in self.rows:
            raise gdb.GdbError(f"ramie: the library does not say {name}: it is older than this script")
        return self.rows[name]

    def runtimes(self):
        known = word(self.list_of_runtimes)
        if known == 0:
            return
        begin, end = word(known), word(known + 8)
        for at in range(begin, end, 16):  # std::weak_ptr: the object, and the count
            scheduler, count = word(at), word(at + 8)
            if number(count + 8) != 0:
                yield scheduler


class Task:
    def __init__(self, library, address):
        self.library = library
        self.address = address
        self.id = self.word("id")
        state = self.word("state")
        self.phase = PHASES[state & 3]
        self.aborted = state & 16 != 0 and self.phase != "finished"
        self.name = text(self.word("name"))
        self.pinned = self.byte("pinned") != 0
        self.blocking = self.byte("runs") == ON_A_BLOCKING_THREAD

    def word(self, field):
        return word(self.address + self.library["task." + field])

    def byte(self, field):
        return read(self.address + self.library["task." + field], 1)[0]

    @property
    def title(self):
        return f"task {self.id}" + (f' "{self.name}"' if self.name else "")

    @property
    def place(self):
        """Where it was spawned: std::source_location, as libstdc++ and libc++ have it."""
        where = self.word("where")
        return f"{text(word(where))}:{number(where + 16)}" if where else "?"

    @property
    def reason(self):
        return text(self.word("reason")) if self.phase == "parked" else ""

    def waits_for(self, tasks):
        reason, thing = self.reason, self.word("object")
        if not reason:
            return "waits"
        if reason == "join" and thing in tasks:
            return f"waits for join of task {tasks[thing].id}"
        line = f"waits for {reason}" + (f" {thing:#x}" if thing else "")
        if reason in LOCKS:
            holder = tasks.get(word(thing + self.library["mutex.holder"]))
            line += f", held by task {holder.id}" if holder else ""
        return line


class Worker:
    def __init__(self, library, address):
        self.index = number(address + library["worker.index"])
        self.thread = number(address + library["worker.thread"])
        self.current = word(address + library["worker.current"])

    def select(self):
        """Makes its thread gdb's; the one that was, or null if there is no such thread."""
        before = gdb.selected_thread()
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == self.thread:
                thread.switch()
                return before
        raise gdb.GdbError(f"ramie: thread {self.thread} of worker {self.index} is not there")


class Runtime:
    def __init__(self, library, address):
        self.library = library
        crew = address + library["scheduler.workers"]
        all_of_it = word(crew + library["crew.all"])
        self.workers = [Worker(library, word(all_of_it + 8 * i)) for i in range(word(crew + library["crew.size"]))]
        self.regular = number(address + library["scheduler.regular_workers"])
        self.live = address + library["scheduler.live"]

    def tasks(self):
        library = self.library
        chunks = self.live + library["live_table.chunks"]
        count, size = library["chunk.slot_count"], library["slot.size"]
        for chunk in range(word(chunks), word(chunks + 8), library["chunk.size"]):
            slots = word(chunk + library["chunk.slots"])
            if slots == 0:
                continue
            block = read(slots, count * size)
            for i in range(count):
                (task,) = struct.unpack_from("<Q", block, i * size)
                if task & 1 == 0 and task != 0:
                    yield Task(library, task)


class Program:
    """All of it, as it is now."""

    def __init__(self):
        self.library = Library()
        self.runtimes = [Runtime(self.library, at) for at in self.library.runtimes()]
        self.by_runtime = [list(runtime.tasks()) for runtime in self.runtimes]
        self.tasks = {task.address: task for tasks in self.by_runtime for task in tasks}
        self.running = {w.current: w for runtime in self.runtimes for w in runtime.workers if w.current}

    def state(self, task):
        worker = self.running.get(task.address)
        if worker is not None:
            line = f"runs on worker {worker.index}"
        elif task.phase == "unstarted":
            line = "waits for a blocking thread" if task.blocking else "has not started"
        elif task.phase == "running":
            line = "runs on a blocking thread" if task.blocking else "ready to run"
        elif task.phase == "parked":
            line = task.waits_for(self.tasks)
        else:
            line = "has ended"
        return line + (", pinned" if task.pinned else "") + (", aborted" if task.aborted else "")

    def line(self, task):
        return f"{task.title}: {self.state(task)}; spawned at {task.place}"

    def find(self, wanted):
        if not re.fullmatch("[0-9]+", wanted):
            raise gdb.GdbError(f"ramie: a task's number is wanted, not {wanted!r}")
        for task in self.tasks.values():
            if task.id == int(wanted):
                return task
        raise gdb.GdbError(f"ramie: there is no unfinished task {wanted}")


# --- stacks ---


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class SavedStack(gdb.unwinder.Unwinder):
    """Says that the caller of a thread's innermost frame is a task's saved one. gdb then unwinds the task's stack as any other,
    by the files' unwind information, and a core needs no register written."""

    def __init__(self):
        super().__init__("ramie saved stack")
        self.registers = None
        self.innermost = None

    def show(self, registers):
        self.hide()
        frame = gdb.newest_frame()
        self.innermost = (int(frame.read_register("rsp")), int(frame.read_register("rip")))
        self.registers = registers
        gdb.invalidate_cached_frames()

    def hide(self):
        if self.registers is not None:
            self.registers = None
            gdb.invalidate_cached_frames()

    def __call__(self, frame):
        if self.registers is None:
            return None
        here = (int(frame.read_register("rsp")), int(frame.read_register("rip")))
        if here != self.innermost:
            return None
        # Its own place must lie below its caller's, or gdb takes the stack for a broken one.
        info = frame.create_unwind_info(FrameId(gdb.Value(self.registers["rsp"] - 64), frame.read_register("rip")))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(frame.read_register(name).type))
        return info


def saved_registers(task):
    """As fibers/include/ramie/detail/switch/saved_registers.hpp has them."""
    at = task.word("context")
    if task.library["inline_switch"]:
        return {"rip": word(at), "rsp": at + 16 + 128, "rbp": word(at + 8)}
    names = ("r12", "r13", "r14", "r15", "rbx", "rbp", "rip")
    return {**{name: word(at + 8 + 8 * i) for i, name in enumerate(names)}, "rsp": at + 64}


stack = SavedStack()
gdb.unwinder.register_unwinder(None, stack, replace=True)


def backtrace(skip):
    """gdb's own, without so many frames."""
    lines = gdb.execute("backtrace", to_string=True).splitlines()
    kept, keeps = [], False
    for line in lines:
        found = re.match(r"#(\d+)( +)", line)
        if found:
            keeps = int(found[1]) >= skip
            if keeps:
                line = f"#{int(found[1]) - skip:<3}{line[found.end():]}"
        if keeps and not re.search(r"^#\d+ +0x0+ in \?\? \(\)$", line):  # where a task's stack ends
            kept.append(line)
    return kept


def backtrace_of(program, task):
    """The lines, and nothing of gdb's state is another one afterwards."""
    worker = program.running.get(task.address)
    if worker is not None:
        before = worker.select()
        try:
            return backtrace(0)
        finally:
            before.switch()
    if task.blocking or task.phase == "unstarted" or task.phase == "finished" or task.word("context") == 0:
        return []
    try:
        stack.show(saved_registers(task))
        return backtrace(1)
    finally:
        stack.hide()


# --- commands ---


class InfoRamie(gdb.Command):
    """The runtimes of this program, and what their workers do."""

    def __init__(self):
        super().__init__("info ramie", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError(f"ramie: info ramie, or info ramie tasks; there is no info ramie {argument}")
        program = Program()
        if not program.runtimes:
            print("there is no runtime")
        for i, runtime in enumerate(program.runtimes):
            print(f"runtime {i + 1}: {runtime.regular} workers, {len(program.by_runtime[i])} unfinished tasks")
            for worker in runtime.workers:
                spare = worker.index >= runtime.regular
                if worker.thread == 0:
                    if not spare:
                        print(f"  worker {worker.index}: not in its loop")
                    continue
                task = program.tasks.get(worker.current)
                does = f"runs {task.title}" if task else "runs a task that is new or has ended" if worker.current else "idle"
                print(f"  {'spare' if spare else 'worker'} {worker.index}: LWP {worker.thread}, {does}")


class InfoRamieTasks(gdb.Command):
    """The unfinished tasks: info ramie tasks [TEXT]. With TEXT, those that have it in their line."""

    def __init__(self):
        super().__init__("info ramie tasks", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        program = Program()
        for task in sorted(program.tasks.values(), key=lambda task: task.id):
            line = program.line(task)
            if argument in line:
                print(line)


class Ramie(gdb.Command):
    """Tasks and their stacks: ramie bt, ramie frame."""

    def __init__(self):
        super().__init__("ramie", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)


class RamieBt(gdb.Command):
    """Where a task stands: ramie bt ID, or ramie bt all."""

    def __init__(self):
        super().__init__("ramie bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        stack.hide()
        program = Program()
        tasks = sorted(program.tasks.values(), key=lambda task: task.id) if argument == "all" else [program.find(argument)]
        for task in tasks:
            print(f"{task.title}: {program.state(task)}")
            for line in backtrace_of(program, task):
                print(line)
            print(f"spawned at {task.place}")


class RamieFrame(gdb.Command):
    """Makes gdb's frames those of a task: ramie frame ID. Without ID: those of the thread again."""

    def __init__(self):
        super().__init__("ramie frame", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        stack.hide()
        if not argument:
            return
        program = Program()
        task = program.find(argument)
        worker = program.running.get(task.address)
        if worker is not None:
            worker.select()
        elif task.blocking or task.phase in ("unstarted", "finished") or task.word("context") == 0:
            raise gdb.GdbError(f"ramie: {task.title}: {program.state(task)}; it has no stack here")
        else:
            stack.show(saved_registers(task))
            gdb.newest_frame().older().select()
        print(f"{task.title}: {program.state(task)}")
        gdb.execute("frame")


for command in (InfoRamie, InfoRamieTasks, Ramie, RamieBt, RamieFrame):
    command()
gdb.events.cont.connect(lambda event: stack.hide())


# --- printers ---


def title_of(address):
    """A task by its control block."""
    try:
        return Task(Library(), address).title
    except (gdb.error, gdb.GdbError):
        return f"task at {address:#x}"


def waiters_of(queue):
    """How many are in a wait_queue."""
    head = queue["nodes_"]["head_"]
    count, at = 0, int(head["next"])
    while at not in (0, int(head.address)) and count < 100000:
        at = word(at + (int(head["next"].address) - int(head.address)))
        count += 1
    return f"{count} waiter" + ("" if count == 1 else "s")


class JoinHandle:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        task = int(self.value["task_"])
        return f"join_handle of {title_of(task)}" if task else "join_handle, empty"


class Mutex:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        owner = word(int(self.value["owner_"].address))
        held = "free"
        if owner:
            ours = owner in Program().tasks
            held = "held by " + (title_of(owner) if ours else "a plain thread, or a task that has ended")
        return f"mutex, {held}, {waiters_of(self.value['queue_'])}"


class ChannelEnd:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        kind = "sender" if "sender<" in str(self.value.type.strip_typedefs()) else "receiver"
        core = self.value["share_"]["core_"]["_M_ptr"]  # std::shared_ptr
        if int(core) == 0:
            return f"{kind}, empty"
        core = core.dereference()
        closed = ", closed" if core["closed_"] else ""
        return (f"{kind} of a channel of {int(core['ring_']['size_'])} of {int(core['capacity_'])} messages{closed}, "
                f"{waiters_of(core['senders_'])} to send, {waiters_of(core['receivers_'])} to receive")


printers = gdb.printing.RegexpCollectionPrettyPrinter("ramie")
printers.add_printer("join_handle", "^ramie::join_handle<.*>$", JoinHandle)
printers.add_printer("mutex", "^ramie::mutex$", Mutex)
printers.add_printer("channel", "^ramie::(sender|receiver)<.*>$", ChannelEnd)
gdb.printing.register_pretty_printer(None, printers, replace=True)
