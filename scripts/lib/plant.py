"""Writes a package with the simulation alone, whose engine has the errors of planted_errors.txt:
each where PROGRESSOR_TEST_PLANTED_ERROR names it; and whose safeguards can be switched off, as in a
debug build. Prints the names of the errors.

    plant.py ROOT FOLDER
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "PROGRESSOR_TEST_PLANTED_ERROR"
MODULES = ("MachineModel", "ProgressorEngine", "ProgressorSimulation", "progressor-simulate")

MANIFEST = """\
// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.enableUpcomingFeature("InternalImportsByDefault")]

let package = Package(
  name: "planted-errors",
  platforms: [.macOS(.v15)],
  dependencies: [%s],
  targets: [
    .target(
      name: "MachineModel", swiftSettings: settings + [.define("SWITCHABLE_SAFEGUARDS")]),
    .target(
      name: "ProgressorEngine",
      dependencies: [
        "MachineModel", .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ], swiftSettings: settings),
    .target(
      name: "ProgressorSimulation", dependencies: ["ProgressorEngine", "MachineModel"],
      swiftSettings: settings),
    .executableTarget(
      name: "progressor-simulate", dependencies: ["ProgressorSimulation"], swiftSettings: settings),
  ]
)
"""

# A name that no other declaration of the engine has.
SWITCH = """\
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

private let plantedError = getenv("%s").map { String(cString: $0) }

func isPlanted(_ error: String) -> Bool { plantedError == error }
""" % VARIABLE


@dataclass
class Place:
    """What stands in a file once, and what is to stand there."""

    file: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


def errors(text: str) -> dict[str, list[Place]]:
    """The places of each error, by its name."""
    found: dict[str, list[Place]] = {}
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"([a-z-]+): .+", line):
            places = found[heading[1]] = []
        elif line.startswith("  - "):
            places[-1].before.append(line[4:])
        elif line.startswith("  + "):
            places[-1].after.append(line[4:])
        else:
            places.append(Place(line.strip()))
    return found


def planted(sources: dict[str, str], name: str, places: list[Place]) -> None:
    """Puts an error into the sources."""
    for place in places:
        before = "\n".join(place.before)
        if sources.get(place.file, "").count(before) != 1:
            sys.exit(f"planted_errors.txt: {name}: not once in {place.file}: {before}")
        after = re.sub(r"\bplanted\b", f'isPlanted("{name}")', "\n".join(place.after))
        sources[place.file] = sources[place.file].replace(before, after)


def write(path: Path, text: str) -> None:
    """Leaves a file alone that is as it should be: it is not built again."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(root: Path, folder: Path) -> None:
    list_of_errors = errors((Path(__file__).parent / "planted_errors.txt").read_text())
    engine = root / "Sources/ProgressorEngine"
    sources = {str(path.relative_to(engine)): path.read_text() for path in engine.rglob("*.swift")}
    for name, places in list_of_errors.items():
        planted(sources, name, places)
    sources["PlantedErrors.swift"] = SWITCH
    files = {f"Sources/ProgressorEngine/{name}": text for name, text in sources.items()}
    for module in MODULES:
        for path in (root / "Sources" / module).rglob("*.swift"):
            files.setdefault(str(path.relative_to(root)), path.read_text())
    # What this package was built with is at hand already.
    checkout = root / ".build/checkouts/swift-collections"
    files["Package.swift"] = MANIFEST % f'.package(path: "{checkout}")'
    for path in (folder / "Sources").rglob("*.swift"):
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, text in files.items():
        write(folder / name, text)
    print("\n".join(list_of_errors))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
