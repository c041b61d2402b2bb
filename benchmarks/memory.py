"""The worker's memory with a large fleet and many zones.

10,000 vehicles and 2,500 zones; every vehicle sends four samples, then the resident size of the
worker process is read, and its peak.

Run with `python -m benchmarks.memory`.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from benchmarks.backlog import publish_backlog
from benchmarks.stage import payload, staged
from telemetry.clock import system_clock

VEHICLES = 10_000
ZONES = 2_500
SAMPLES_EACH = 4
_LIMIT_S = 120.0


def main() -> None:
    """Measure and print."""
    with staged(vehicles=VEHICLES, zones=ZONES) as stage, stage.running("ingest") as worker:
        stage.wait_for_worker()
        for step in range(SAMPLES_EACH):
            now_ms = system_clock()
            publish_backlog(
                stage.broker.service(),
                ((vehicle.topic, payload(vehicle, step + 1, now_ms)) for vehicle in stage.vehicles),
            )
            stage.wait_for("SELECT count(*) FROM samples", (step + 1) * VEHICLES, limit_s=_LIMIT_S)
        process = psutil.Process(worker.pid)
        resident, peak = process.memory_info().rss, _peak_bytes(worker.pid)
    sizes = f"{resident / 2**20:,.0f} MiB, peak {peak / 2**20:,.0f} MiB"
    print(f"worker with {VEHICLES:,} vehicles and {ZONES:,} zones: {sizes}")


def _peak_bytes(pid: int) -> int:
    """The largest resident size so far, from the kernel (VmHWM)."""
    with Path(f"/proc/{pid}/status").open(encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
