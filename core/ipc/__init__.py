"""Worker processes: frames over pipes, no sockets, no pickle.

`client` starts a worker and waits for its answers; a program with an event loop uses `launch`,
`frames` and `envelope`, which need the standard library and NumPy only, and Python 3.9. What goes
over the pipes is described in ``docs/worker-protocol.md``.
"""
