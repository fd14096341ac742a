"""How long to wait before trying again: exponential, with a cap and full-range jitter."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff: the n-th wait lies between half and all of `min(cap_s, base_s * 2 ** (n - 1))`.

    Half of each wait is random, so that what failed together does not come back together.
    """

    base_s: float
    cap_s: float

    def wait_s(self, failures: int, jitter: float | None = None) -> float:
        """Seconds to wait after `failures` (from 1) failures in a row; `jitter` in [0, 1] is drawn unless given."""
        exponent = min(failures - 1, 62)
        full_s = min(self.cap_s, self.base_s * float(2**exponent))
        share = random.random() if jitter is None else jitter  # noqa: S311 - not a secret
        return full_s * (0.5 + 0.5 * share)
