"""Node keys kept from run to run, in a file that only its owner can read."""

import json
import logging
import os
import tempfile
import uuid
from pathlib import Path

log = logging.getLogger(__name__)


class State:
    """Node keys by host identifier. Without a path it remembers nothing beyond the process."""

    def __init__(self, path: Path | None = None) -> None:
        self.at_once = True
        """Each change is written as it is made; a fleet has many, and saves them now and then."""
        self._path = path
        self._document: dict[str, dict[str, str]] = {"node_keys": {}, "identity": {}}
        self._changed = False
        if path is not None and path.exists():
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, so hosts enroll anew: %s", path, error)
            return
        for part, values in self._document.items():
            kept = found.get(part) if isinstance(found, dict) else None
            if isinstance(kept, dict):
                values.update({k: v for k, v in kept.items() if isinstance(v, str)})

    def node_key(self, identifier: str) -> str:
        """The node key of a host; empty when it has not enrolled."""
        return self._document["node_keys"].get(identifier, "")

    def keep(self, identifier: str, node_key: str) -> None:
        """Remember a node key; an empty one forgets the host."""
        keys = self._document["node_keys"]
        if node_key:
            keys[identifier] = node_key
        else:
            keys.pop(identifier, None)
        self._changed = True
        if self.at_once:
            self.save()

    def own_uuid(self) -> str:
        """A uuid made once, for a computer whose hardware has none."""
        identity = self._document["identity"]
        if "uuid" not in identity:
            identity["uuid"] = str(uuid.uuid4()).upper()
            self._changed = True
            self.save()
        return identity["uuid"]

    def save(self) -> None:
        """Write what changed, whole or not at all; what cannot be written is a warning, and tried again."""
        if self._path is None or not self._changed:
            return
        try:
            self._write(self._path)
        except OSError as error:
            log.warning("node keys cannot be kept, so that the next run enrolls anew: %s", error)
        else:
            self._changed = False

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._document, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
