"""Memory that stays with the process.

glibc gives large freed blocks back to the system and gets them again, as pages of zeros, at every
update: 6 to 8 % of ResNet's CPU time went to the kernel. Kept, an update at 256 px, batch 8, makes
700 to 1,700 page faults instead of 183,000 to 195,000; benchmarks/train_step.py counts them.
Without oneDNN it is worse: 2.2 million, a third of the CPU time.

Why: each of TensorFlow's threads allocates from an arena of its own, of heaps of at most 64 MiB, in
which ResNet's maps of 32 MiB leave little; an empty heap is unmapped. One arena alone (M_ARENA_MAX)
brings 181,000 faults of the bare step to 0 to 1,400; the trim threshold alone leaves 187,000 to
197,000. Forward and backward on fixed tensors with one plain tape make 181,000 of the 190,000: it
is neither the persistent tape, nor the decay's own gradient, nor the optimizer.
"""

import ctypes

# malloc.h: never take a block from mmap, never shrink the heap, one heap for all threads.
MALLOC_OPTIONS = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_ARENA_MAX": (-8, 1)}


def keep_freed_memory():
    """To be called before anything is computed -> whether there is a glibc that does so."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another system, or another libc
        return False
    return all(mallopt(*option) for option in MALLOC_OPTIONS.values())
