"""Under which name the servers find the processor, and how the name moves."""

import enum
import os
import subprocess
from pathlib import Path

# Set by scripts/torture in a mount namespace of its own.
PRIVATE = "PROGRESSOR_TORTURE_PRIVATE_MOUNTS"
NAME = "processor.torture"
HOSTS = Path("/etc/hosts")
OTHERS = 60_000  # names in the file: a look-up takes longer than a connection that is refused


class Naming(enum.Enum):
    """What an endpoint looks like."""

    ADDRESS = "address"  # 127.0.0.1:PORT: nothing is looked up
    LOCALHOST = "localhost"  # looked up, always the same
    MOVING = "moving"  # a name of a hosts file, which moves between two addresses


def best_naming() -> Naming:
    return Naming.MOVING if os.environ.get(PRIVATE) else Naming.LOCALHOST


class Names:
    """The name of the processor, and the addresses that it may have."""

    def __init__(self, naming: Naming, directory: Path):
        self.naming = naming
        moves = naming is Naming.MOVING
        self.addresses = ["127.0.0.2", "127.0.0.3"] if moves else ["127.0.0.1"]
        self.address = self.addresses[0]
        self.name = {Naming.ADDRESS: "127.0.0.1", Naming.LOCALHOST: "localhost",
                     Naming.MOVING: NAME}[naming]
        self._hosts = directory / "hosts"
        if moves:
            others = "".join(f"127.9.9.9 other-{number}\n" for number in range(OTHERS))
            self._hosts.write_text(self._entry() + HOSTS.read_text() + others)
            # Only processes of this mount namespace see it.
            subprocess.run(["mount", "--bind", self._hosts, HOSTS], check=True)

    def _entry(self) -> str:
        return f"{self.address} {NAME}\n"

    def move(self) -> str:
        """To the next address, which it answers."""
        index = self.addresses.index(self.address) + 1
        self.address = self.addresses[index % len(self.addresses)]
        # In place, in one write: whoever reads finds the old entry or the new one.
        with self._hosts.open("r+b", buffering=0) as hosts:
            hosts.write(self._entry().encode())
        return self.address

    def close(self) -> None:
        if self.naming is Naming.MOVING:
            subprocess.run(["umount", HOSTS], check=False)
