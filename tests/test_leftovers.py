"""What a stopped test run leaves behind is removed by the next one."""

import subprocess
import sys
from pathlib import Path

from tests.support.leftovers import own, remove_abandoned

OWNED_UNTIL_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.leftovers import own
file = own(Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_folders_whose_owner_has_ended_are_removed(tmp_path: Path) -> None:
    names = ("server-mine", "server-dead", "server-unknown", "other-dead")
    mine, dead, unknown, other = (tmp_path / name for name in names)
    for folder in (mine, dead, unknown, other):
        folder.mkdir()
    for folder in (dead, other):
        command = [sys.executable, "-c", OWNED_UNTIL_KILLED, folder]
        root = Path(__file__).parents[1]
        assert subprocess.run(command, cwd=root, check=False).returncode == -9
    stopped: list[Path] = []
    with own(mine):
        remove_abandoned(tmp_path, "server-", stopped.append)
        assert stopped == [dead]
        assert sorted(tmp_path.iterdir()) == sorted([mine, unknown, other])
