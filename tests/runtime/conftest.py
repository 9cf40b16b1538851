"""Who runs a network: the user of the tests, and an ordinary one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

NOBODY = 65534


@pytest.fixture(scope="session", params=["this user", "an ordinary user"])
def as_user(request: pytest.FixtureRequest) -> list[str]:
    """What to put before a command, so that the user in question runs it."""
    if request.param == "this user":
        return []
    if sys.platform != "linux":
        pytest.skip("Linux alone has a sandbox")
    if os.geteuid() != 0:
        pytest.skip("an ordinary user runs these tests already")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("there is no `setpriv` here to become another user with")
    # It may read what root may, since interpreters can stand in root's own home; nothing more.
    readable = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for prefix in ([setpriv, *user], [setpriv, *user, *readable]):
        probe = [*prefix, sys.executable, "-c", "import sys, numpy; print(sys.version)"]
        ended = subprocess.run(probe, capture_output=True, text=True, check=False)
        if ended.stdout.strip() == sys.version.strip():
            return prefix
    pytest.skip("another user cannot run this interpreter")
