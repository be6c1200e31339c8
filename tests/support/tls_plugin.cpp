// A library whose thread-local is not part of the program's: a thread gets its own when it first asks.
static thread_local int value[1000] = {42};
extern "C" [[gnu::visibility("default")]] int* tls_plugin_value() { return value; }
