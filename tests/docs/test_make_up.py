"""`make up`, as the README has it: brings everything up, prints how to begin, and stops at Ctrl-C."""

import os
import signal
import subprocess
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
LINE = "make up"
_START_S = 120.0
_STOP_S = 10.0


def test_make_up_brings_everything_up_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    env = {name: value for name, value in os.environ.items() if not name.startswith("SENDTO_")}
    env |= {"SENDTO_HOME": str(tmp_path / "home"), "SENDTO_PORT_BASE": "0"}
    with printed.open("wb") as output:
        process = subprocess.Popen(
            LINE.split(), cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True
        )
    try:
        deadline = monotonic() + _START_S
        while "Ctrl-C stops everything" not in printed.read_text():
            assert process.poll() is None, printed.read_text()
            assert monotonic() < deadline, printed.read_text()
            sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.wait(_STOP_S)

    assert not (tmp_path / "home" / "run.json").exists()
