"""Token buckets: how many error messages may be sent, to one host and in all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["ErrorLimit", "TokenBucket"]

_KEPT = 4096  # hosts remembered; beyond, the one that was longest not heard of is forgotten


@dataclass(slots=True)
class TokenBucket:
    """Fills with ``rate`` tokens a second up to ``burst``; whoever acts takes one out."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """Take a token; False: there is none."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class ErrorLimit:
    """What RFC 1812, section 4.3.2.8 and RFC 4443, section 2.4(f) ask for, with Linux' figures.

    Args:
        rate, burst: errors a second to one host, and how many at once.
        total, total_burst: the same for all hosts together.
    """

    def __init__(
        self, rate: float = 1.0, burst: float = 6, total: float = 1000.0, total_burst: float = 50
    ) -> None:
        self.rate, self.burst = rate, burst
        self._all = TokenBucket(total, total_burst, total_burst, 0.0)
        self._each: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def allows(self, whom: Hashable, now: float, *, each: bool = True) -> bool:
        """Whether one more may go to this host; ``each`` False: only the total counts."""
        if each:
            bucket = self._each.get(whom)
            if bucket is None:
                bucket = self._each[whom] = TokenBucket(self.rate, self.burst, self.burst, now)
                if len(self._each) > _KEPT:
                    self._each.popitem(last=False)
            self._each.move_to_end(whom)
            if not bucket.take(now):
                return False
        return self._all.take(now)
