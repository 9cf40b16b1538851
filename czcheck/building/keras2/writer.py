"""Which Keras wrote a file."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})")
_LOAD = "load it where that Keras is installed, save it with "


@dataclass(frozen=True, slots=True)
class Writer:
    """The Keras that wrote a file.

    Attributes:
        version: Its version as the file says it, `2.3.1` or `2.2.4-tf`; empty if it does not.
        backend: What it ran on, `tensorflow` for nearly all files; empty if the file does not say.
    """

    version: str
    backend: str = "tensorflow"

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor version; (0, 0) where the file has none that can be read."""
        found = _NUMBERS.match(self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def is_old(self) -> bool:
        """Whether it is older than Keras 3."""
        return self.numbers < (3, 0)

    @property
    def standalone(self) -> bool:
        """Whether it is the package `keras` of its own, which 2.4 turned into `tf.keras`."""
        return not self.version.endswith("-tf") and self.numbers < (2, 4)

    @property
    def name(self) -> str:
        """What to call it in messages: `Keras 2.3.1`, `tf.keras 2.2.4-tf`."""
        if not self.version:
            return "a Keras that does not name its version"
        return f"{'Keras' if self.standalone else 'tf.keras'} {self.version[:30]}"

    @property
    def way_out(self) -> str:
        """How to get a SavedModel of the file."""
        if self.standalone:
            save = (
                "tf.compat.v1.saved_model.simple_save(keras.backend.get_session(), folder, "
                "{'input': model.input}, {'output': model.output})"
            )
        else:
            save = "tf.saved_model.save(model, folder)"
        return f"{_LOAD}{save}, and name that folder in `ModelPath`"
