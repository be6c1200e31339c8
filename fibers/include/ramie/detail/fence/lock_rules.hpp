// Words by which clang checks the rules of a lock (-Wthread-safety; meson.build): which fields it guards, and which
// functions are called under it, take it or give it up. Other compilers read past them.
//
// Checked is what one class guards with its own word_lock, taken by word_guard or by lock() and unlock(). Not what waits:
// there the lock that a fiber takes is given up on the other side of its switch (park.hpp), and a want says by a call
// which lock it means (want.hpp); clang follows neither.
#pragma once

#if defined(__clang__)
#define RAMIE_LOCK_RULE(...) __attribute__((__VA_ARGS__))
#else
#define RAMIE_LOCK_RULE(...)
#endif

// --- of a class ---
#define RAMIE_A_LOCK RAMIE_LOCK_RULE(capability("lock"))
#define RAMIE_A_GUARD RAMIE_LOCK_RULE(scoped_lockable)
// --- of a field ---
#define RAMIE_GUARDED_BY(lock) RAMIE_LOCK_RULE(guarded_by(lock))
// --- of a function ---
#define RAMIE_UNDER(...) RAMIE_LOCK_RULE(requires_capability(__VA_ARGS__))
#define RAMIE_TAKES(...) RAMIE_LOCK_RULE(acquire_capability(__VA_ARGS__))
#define RAMIE_GIVES_UP(...) RAMIE_LOCK_RULE(release_capability(__VA_ARGS__))
// Its body is not checked. Say why.
#define RAMIE_RULES_NOT_CHECKED RAMIE_LOCK_RULE(no_thread_safety_analysis)
