"""When a host is asked again: fixed intervals, spread over the hosts so that they do not all come at once."""

import threading
from datetime import timedelta


class Jitter:
    """Minutes added to one interval, the same for a host for as long as the process lives.

    A host prefers the minute of its id; when that is full, the next one that is not; when all are, each takes one more.
    """

    def __init__(self, interval: timedelta, percent: int) -> None:
        count = percent * int(interval.total_seconds() // 60) // 100
        self._hosts_in = [0] * count
        self._capacity = 1
        self._minutes: dict[int, int] = {}
        self._lock = threading.Lock()

    def seconds(self, host_id: int) -> float:
        """The jitter of a host."""
        count = len(self._hosts_in)
        if count <= 1:
            return 0.0
        minute = self._minutes.get(host_id)
        if minute is None:
            with self._lock:
                minute = self._minutes.setdefault(host_id, self._place(host_id % count))
        return minute * 60.0

    def _place(self, preferred: int) -> int:
        count = len(self._hosts_in)
        for step in range(count):
            minute = (preferred + step) % count
            if self._hosts_in[minute] < self._capacity:
                self._hosts_in[minute] += 1
                return minute
        self._capacity += 1
        self._hosts_in[preferred] += 1
        return preferred


class Schedule:
    """The next moment at which each family of queries is due, as seconds since 1970."""

    def __init__(self, *, detail: timedelta, label: timedelta, percent: int) -> None:
        jitters: dict[timedelta, Jitter] = {}
        self._detail, self._label = detail.total_seconds(), label.total_seconds()
        self._detail_jitter = jitters.setdefault(detail, Jitter(detail, percent))
        self._label_jitter = jitters.setdefault(label, Jitter(label, percent))

    def detail_due(self, host_id: int, last: float) -> float:
        """When the details of a host are due, whose last ones came at `last`."""
        return last + self._detail + self._detail_jitter.seconds(host_id)

    def label_due(self, host_id: int, last: float) -> float:
        """When the labels of a host are due, whose last ones came at `last`."""
        return last + self._label + self._label_jitter.seconds(host_id)
