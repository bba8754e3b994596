"""`python -m soak`: see scripts/soak."""

import argparse
import os
import random
import sys
from pathlib import Path

from .run import Run
from .setting import Setting
from .volume import Volume


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="A steady load for minutes or hours, or so many calls and "
        "connections; fails when what the server holds grows, or its loops are late.")
    parser.add_argument("--seconds", type=float, default=120, help="of load (120)")
    parser.add_argument("--rate", type=float, default=100, help="requests a second (100)")
    parser.add_argument("--seed", type=int, help="of the load (drawn)")
    parser.add_argument("--calls", type=int, default=0,
                        help="instead of the load, at least so many calls, as fast as it goes")
    parser.add_argument("--connections", type=int, default=0,
                        help="the same, or after it, so many connections, one after the other")
    parser.add_argument("--folder", type=Path,
                        default=Path(os.environ["PROGRESSOR_CACHE"]) / "soak",
                        help="for report.txt, samples.csv and server.log (.cache/soak)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> Setting:
    if arguments.calls or arguments.connections:
        print(f"soak: {arguments.calls:,} calls, {arguments.connections:,} connections", flush=True)
        return Volume(arguments.calls, arguments.connections, arguments.folder)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"soak: seed {seed}, {arguments.seconds:g} s, {arguments.rate:g} requests/s", flush=True)
    return Run(arguments.seconds, arguments.rate, seed, arguments.folder)


def main() -> int:
    arguments = _arguments()
    run = _run(arguments)
    try:
        print(run.run())
    finally:
        run.close()
    print(f"samples are in {arguments.folder}")
    return 1 if run.problems else 0


if __name__ == "__main__":
    sys.exit(main())
