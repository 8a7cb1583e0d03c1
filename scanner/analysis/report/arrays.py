"""The numbers of a page, as text that a browser turns back into typed arrays bit for bit."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TAG = len('<script type="text/plain" id="array-"></script>\n') + 16
"""Characters around an array, its name included."""


@dataclass
class Arrays:
    """Encoded arrays by the hash of their type and content, so that each is in the page once.

    Parameters
    ----------
    encoded
        Base64 of gzip of the little-endian bytes, all first bytes of the values before all second ones: the
        high bytes of neighbouring χ² are alike, which makes the text a quarter shorter.
    """

    encoded: dict[str, str] = field(default_factory=dict)

    def add(self, values: np.ndarray) -> dict[str, Any]:
        """Encode an array; return what the page needs to find and decode it: ``id``, ``dtype`` and ``shape``."""
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        planes = little.reshape(-1).view(np.uint8).reshape(-1, little.itemsize).T
        packed = gzip.compress(planes.tobytes(), 6, mtime=0)
        key = hashlib.sha256(values.dtype.name.encode() + packed).hexdigest()[:16]
        self.encoded[key] = base64.b64encode(packed).decode()
        return {"id": key, "dtype": values.dtype.name, "shape": list(values.shape)}

    def merge(self, other: Arrays) -> None:
        """Take over what another collection holds."""
        self.encoded.update(other.encoded)

    @property
    def size(self) -> int:
        """Characters of all arrays together, with the tags around them."""
        return sum(len(text) + TAG for text in self.encoded.values())
