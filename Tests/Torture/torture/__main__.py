"""`python -m torture`: see scripts/torture."""

import argparse
import random
import sys

from .run import Run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/torture", description="Real processes under faults, then a checker that knows "
        "only what clients and the processor saw.")
    parser.add_argument("--seconds", type=float, default=60, help="of faults (60)")
    parser.add_argument("--seed", type=int, help="of the faults and the load (drawn)")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=2,
                        help="2 on one PostgreSQL (default), or 1 with its embedded cluster")
    parser.add_argument("--faults", type=int, default=0, help="fail with fewer")
    parser.add_argument("--operations", type=int, default=0, help="fail with fewer acknowledged")
    parser.add_argument("--keep", action="store_true", help="keep logs and records")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"torture: seed {seed}, {arguments.nodes} nodes, {arguments.seconds:g} s", flush=True)
    run = Run(arguments.nodes, seed, arguments.keep)
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
