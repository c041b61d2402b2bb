"""All measurements, one after the other, each as a table: `make bench`, or `python -m benchmarks NAME ...`."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time

NAMES = (
    "zones",
    "storage",
    "sealing",
    "separation",
    "ingest_floor",
    "ingest",
    "latency",
    "decision",
    "memory",
    "replay",
    "duty",
)


def main() -> None:
    """Run those named on the command line, or all."""
    load = os.getloadavg()[0]
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before; medians, use the ratios"
    )
    for name in sys.argv[1:] or NAMES:
        began = time.monotonic()
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
        print(f"({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
