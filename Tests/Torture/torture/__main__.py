"""`python -m torture`: see scripts/torture."""

import argparse
import os
import random
import sys
from pathlib import Path

from .names import Naming, best_naming
from .run import Options, Run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/torture", description="Real processes under faults, then a checker that "
        "knows only what clients and the processor saw.")
    parser.add_argument("--seconds", type=float, default=60, help="of faults (60)")
    parser.add_argument("--seed", type=int, help="of the faults and the load (drawn)")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=2,
                        help="2 on one PostgreSQL (default), or 1 with its embedded cluster")
    parser.add_argument("--cores", type=int, default=2, help="engines of each server (2)")
    parser.add_argument("--faults", type=int, default=0, help="fail with fewer")
    parser.add_argument("--operations", type=int, default=0, help="fail with fewer acknowledged")
    parser.add_argument("--names", type=Naming, choices=list(Naming), default=best_naming(),
                        metavar="{" + ",".join(n.value for n in Naming) + "}",
                        help="how servers find the processor: by a name that moves between "
                        "addresses where a hosts file of the run's own is possible (as root), else "
                        "by localhost")
    parser.add_argument("--unread", type=int, default=4, metavar="CONNECTIONS",
                        help="of clients that ask for much and read nothing (4)")
    parser.add_argument("--long", type=int, metavar="EVENTS",
                        help="of a machine that is removed under load; 0 = none (20,000, and a "
                        "million in runs of ten minutes or more)")
    parser.add_argument("--messages", type=int, metavar="WEIGHT",
                        help="how often machines are asked to send messages, where calls have the "
                        "weight 50 (20, and 0 with --upgrade: an older build may know none)")
    parser.add_argument("--subscribers", type=int, metavar="N",
                        help="of the feed: one with cursors of its own, the others share a "
                        "consumer, and a webhook and a Kafka cluster that have it delivered (3, "
                        "and 0 with --upgrade: an older build may have no feed)")
    parser.add_argument("--upgrade", type=Path, metavar="FROM_BINARY",
                        help="the nodes run this build at first, and are replaced one after the "
                        "other under load: by PROGRESSOR_BINARY, back, and again")
    parser.add_argument("--keep", action="store_true", help="keep logs and records")
    arguments = parser.parse_args()
    if arguments.upgrade and not os.access(arguments.upgrade, os.X_OK):
        parser.error(f"--upgrade {arguments.upgrade}: there is no such program")
    if arguments.long is None:
        arguments.long = 1_000_000 if arguments.seconds >= 600 else 20_000
    if arguments.messages is None:
        arguments.messages = 0 if arguments.upgrade else 20
    if arguments.subscribers is None:
        arguments.subscribers = 0 if arguments.upgrade else 3
    return arguments


def main() -> int:
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"torture: seed {seed}, {arguments.nodes} nodes of {arguments.cores} cores, "
          f"{arguments.seconds:g} s, processor by {arguments.names.value}", flush=True)
    run = Run(Options(arguments.nodes, arguments.cores, seed, arguments.keep, arguments.names,
                      arguments.unread, arguments.long, arguments.messages, arguments.subscribers,
                      arguments.upgrade))
    completed = False
    try:
        run.run(arguments.seconds)
        completed = True
    finally:
        run.close(completed)
    print(run.report)
    if run.report.violations:
        return 1
    few = (run.report.faults.total() < arguments.faults
           or run.report.acknowledged.total() < arguments.operations)
    if few:
        print(f"too few: {arguments.faults} faults and {arguments.operations} acknowledged "
              "operations are asked for")
    return 1 if few else 0


if __name__ == "__main__":
    sys.exit(main())
