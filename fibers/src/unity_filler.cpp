// No code: an extra source for a unity build whose number of sources would otherwise come out even
// (fibers/meson.build).
