"""Each rule finds what it should and leaves alone what it should not."""

import unittest
from collections.abc import Callable, Iterator

from . import bans, documentation, documents, imports, sizes, tree, unused
from .source import Finding, SourceFile

Rule = Callable[[SourceFile], Iterator[Finding]]
TreeRule = Callable[[tree.Tree], Iterator[Finding]]


def lines(rule: Rule, path: str, text: str) -> list[int]:
    """The lines on which `rule` finds something in a file at `path`."""
    return [finding.line for finding in rule(SourceFile(path, text))]


ENGINE = "Sources/ProgressorEngine/Engine.swift"
SERVER = "Sources/ProgressorServer/Node.swift"


class SwiftTextTests(unittest.TestCase):
    def test_code_has_neither_comments_nor_literals(self):
        text = SourceFile(ENGINE, 'a /* b /* c */ d */ "e \\(f("g")) h" // i\n#"j " k"# l').swift
        self.assertEqual(text.code.split(), ["a", "l"])
        self.assertEqual([literal for _, literal in text.literals],
                         ['"e \\(f("g")) h"', '#"j " k"#'])
        self.assertEqual(sorted(text.comments), [1])

    def test_multi_line_literals_keep_the_lines(self):
        text = SourceFile(ENGINE, 'let a = """\n  fatalError("x")\n  """\nb()').swift
        self.assertEqual(text.line_of(text.code.index("b()")), 4)
        self.assertNotIn("fatalError", text.code)


class ImportTests(unittest.TestCase):
    def test_the_core_imports_no_foundation(self):
        text = "import DequeModule\npublic import MachineModel\nimport Foundation\n"
        self.assertEqual(lines(imports.imports_per_target, ENGINE, text), [3])

    def test_each_c_library_has_one_module(self):
        zlib = "import CZlib\n"
        self.assertEqual(lines(imports.imports_per_target, SERVER, zlib), [1])
        self.assertEqual(
            lines(imports.imports_per_target, "Sources/GRPC/Framing/Gzip.swift", zlib), [])
        self.assertEqual(
            lines(imports.imports_per_target, "Sources/GRPC/Server/Router.swift", zlib), [1])

    def test_a_single_declaration_counts_as_its_module(self):
        text = "private import struct Foundation.Date\n@preconcurrency import NIOCore\n"
        self.assertEqual(lines(imports.imports_per_target, ENGINE, text), [1, 2])

    def test_a_new_target_has_to_be_entered(self):
        self.assertEqual(lines(imports.imports_per_target, "Sources/New/A.swift", ""), [1])

    def test_tests_use_swift_testing(self):
        path = "Tests/HTTP2Tests/SessionTests.swift"
        self.assertEqual(lines(imports.testing_only, path, "import Testing\n"), [])
        self.assertEqual(lines(imports.testing_only, path, "import XCTest\n"), [1])


class SizeTests(unittest.TestCase):
    def test_a_file_has_under_400_lines(self):
        self.assertEqual(lines(sizes.file_length, SERVER, "\n" * 399), [])
        self.assertEqual(lines(sizes.file_length, SERVER, "\n" * 400), [400])

    def test_a_line_has_at_most_100_characters(self):
        text = "-- " + "é" * 97 + "\n-- " + "é" * 98 + "\n"
        self.assertEqual(lines(sizes.line_width, "Sources/ProgressorStorage/SQL/a.sql", text), [2])

    def test_a_function_has_under_70_lines(self):
        def function(count: int) -> str:
            return "struct A {\n  func f(\n    a: (Int) -> Void = { _ in }\n  ) throws -> Int\n" \
                + "  {\n" + "    a(1)\n" * (count - 5) + "  }\n}\n"
        self.assertEqual(lines(sizes.swift_function_length, SERVER, function(69)), [])
        self.assertEqual(lines(sizes.swift_function_length, SERVER, function(70)), [2])

    def test_requirements_and_calls_have_no_body(self):
        text = "protocol A {\n  func f()\n  init()\n}\nlet a = B.init()\n" + "struct C {\n" \
            + "  let x = 1\n" * 100 + "}\n"
        self.assertEqual(lines(sizes.swift_function_length, SERVER, text), [])

    def test_python_functions_too(self):
        text = "def f():\n" + "    pass\n" * 69
        self.assertEqual(lines(sizes.python_function_length, "scripts/a.py", text), [1])


class DocumentationTests(unittest.TestCase):
    def test_what_is_public_has_a_doc_comment(self):
        text = "/// A.\npublic struct A {\n  public var b = 1\n  var c = 2\n" \
            "  /// D.\n  @inlinable\n  public func d() {}\n  public static let e = 1\n" \
            "  @frozen public enum F {}\n  public private(set) var g = 1\n" \
            "  // No doc comment.\n  public func h() {}\n}\n"
        self.assertEqual(
            lines(documentation.public_documented, ENGINE, text), [3, 8, 9, 10, 12])
        self.assertEqual(lines(documentation.public_documented, "Tests/A.swift", text), [])

    def test_what_is_documented_elsewhere_needs_none(self):
        text = "extension A: Hashable {\n  public func hash(into hasher: inout Hasher) {}\n" \
            "  public static func == (a: A, b: A) -> Bool { true }\n" \
            "  public init(decoding bytes: RawSpan) {}\n" \
            "  public init(\n    a: Int, _ b: Int\n  ) {\n    self.a = a\n    self.b = b\n  }\n" \
            "  public init(a: Int) {\n    self.a = a + 1\n  }\n}\n"
        self.assertEqual(lines(documentation.public_documented, ENGINE, text), [11])

    def test_a_sentence_ends_with_its_declaration(self):
        text = "/// At most so many …\nlet a = 1\n/// … of these.\nlet b = 1\n/// 1, 2, … n.\n"
        self.assertEqual(lines(documentation.no_running_sentences, ENGINE, text), [1, 3])


def places(rule: TreeRule, files: dict[str, str]) -> list[tuple[str, int]]:
    """Where `rule` finds something in a repository of these files."""
    whole = tree.Tree(
        {path: text.encode() for path, text in files.items()},
        [SourceFile(path, text) for path, text in files.items()])
    return [(finding.path, finding.line) for finding in rule(whole)]


class TreeTests(unittest.TestCase):
    def test_known_kinds_of_files_are_tracked(self):
        files = {"a.swift": "a", "scripts/run": "#!/bin/sh\n", ".gitignore": ".build/\n",
                 "x.whl": "PK", "b.txt": "a\0b", "data": "1", "c.py": "#" * 33_000}
        self.assertEqual([path for path, _ in places(tree.tracked_kinds, files)],
                         ["b.txt", "c.py", "data", "x.whl"])
        self.assertEqual(len(list(tree.tracked_kinds(tree.Tree({"link.md": None})))), 1)

    def test_types_of_two_modules_have_two_names(self):
        doubled = "".join(f"enum {name} {{}}\n" for name in tree.DOUBLED)
        files = {f"Sources/{module}/A.swift": "".join(
            f"enum {name} {{}}\n" for name, modules in tree.DOUBLED.items() if module in modules)
            for module in sorted(set().union(*tree.DOUBLED.values()))}
        self.assertEqual(places(tree.one_name_one_type, files), [])
        files |= {"Sources/A/A.swift": "public struct Lease {}\nprivate struct B {}\n",
                  "Sources/C/C.swift": "struct B {}\nstruct D {\n  struct Lease {}\n}\n",
                  "Sources/E/E.swift": "\nactor Lease {}\n"}
        self.assertEqual(places(tree.one_name_one_type, files),
                         [("Sources/A/A.swift", 1), ("Sources/E/E.swift", 2)])
        self.assertEqual(len(places(tree.one_name_one_type, {"Sources/A/A.swift": doubled})),
                         len(tree.DOUBLED))

    def test_versions_are_written_down(self):
        package = '.package(\nurl: "https://a.b/c/nio", .upToNextMinor(from: "1.2.3"))'
        files = {"Package.swift": package,
                 "docs/dependencies.md": "| nio | 1.2.3 | sockets |\n"}
        self.assertEqual(places(tree.versions_written_down, files), [])
        files["docs/dependencies.md"] = "| nio | 1.2.2 | sockets |\n"
        self.assertEqual(places(tree.versions_written_down, files), [("Package.swift", 2)])

    def test_nothing_is_unused(self):
        text = "func used() {}\nprivate let lonely = 1\npublic func forOthers() {}\n" \
            "/// What is kept: for tests.\nvar probe: Int { 0 }\nvar shown = 1\n" \
            'let a = "\\(shown)"\nfunc channelRead() { used(); a }\n@main\nstruct Main {}\n'
        files = {ENGINE: text, "Tests/A.swift": "lonely"}
        self.assertEqual(places(unused.nothing_unused, files), [(ENGINE, 2)])

    def test_documents_name_what_is_there(self):
        files = {
            ENGINE: "", "Sources/ProgressorEngine/Step/Gate.swift": "",
            "docs/b.md": "# B and `c`\n",
            "README.md": "[b](docs/b.md#b-and-c) [c](docs/c.md) [d](docs/b.md#d) [e](https://e)\n",
            "docs/a.md": "`Step/Gate`, ProgressorEngine/Engine, "
            "Sources/ProgressorEngine/{Engine,Gate}.swift,\nStep/Gone\n"
            "`application/grpc`, docs/*.md, Step/*.txt, docs/b.md.\n"}
        self.assertEqual(
            places(documents.links_lead_somewhere, files), [("README.md", 1), ("README.md", 1)])
        self.assertEqual(places(documents.paths_exist, files),
                         [("docs/a.md", 1), ("docs/a.md", 2), ("docs/a.md", 3)])

    def test_the_walk_of_a_call_names_files(self):
        row = "| 1 | ProgressorEngine/Engine → Step/Gate | turns |\n"
        files = {ENGINE: "", "Sources/ProgressorEngine/Step/Gate.swift": "", documents.WALK: row}
        self.assertEqual(places(documents.the_walk_exists, files), [])
        files[documents.WALK] = row + "| 2 | ProgressorEngine/Step, Step/Gate | folders |\n" \
            "| 3 | it | |\n"
        self.assertEqual(places(documents.the_walk_exists, files),
                         [(documents.WALK, 2), (documents.WALK, 3)])
        self.assertEqual(places(documents.the_walk_exists, {documents.WALK: ""}),
                         [(documents.WALK, 1)])

    def test_the_walk_of_a_call_goes_forward(self):
        core = "Sources/ProgressorEngine/"
        files = {ENGINE: "", f"{core}Step/Begin.swift": "/// Then comes `Step/End`.\n",
                 f"{core}Step/End.swift": "", f"{core}Operations/CallStep.swift": ""}
        row = "| 1 | ProgressorEngine/Engine → ProgressorEngine/Step/Begin | turns |\n" \
            "| 2 | ProgressorEngine/Operations/CallStep → ProgressorEngine/Step/End | |\n" \
            "| 3 | ProgressorEngine/Operations/CallStep | |\n"
        files[documents.WALK] = row
        self.assertEqual(places(documents.the_walk_goes_forward, files), [])
        files[documents.WALK] = row + "| 4 | ProgressorEngine/Step/Begin | |\n"
        self.assertEqual(places(documents.the_walk_goes_forward, files), [(documents.WALK, 4)])
        files[documents.WALK] = row
        files[f"{core}Step/Begin.swift"] = "/// Then comes `Step/Write`.\nlet a = 1 // `Step/End`\n"
        self.assertEqual(places(documents.the_walk_goes_forward, files),
                         [(f"{core}Step/Begin.swift", 1)])

    def test_the_walk_of_a_call_is_short(self):
        names = [f"ProgressorEngine/Operations/{letter}" for letter in "ABCDEFGHIJKLM"]
        files = {f"Sources/{name}.swift": "" for name in names}
        files[documents.WALK] = f"| 1 | {' → '.join(names[:12])} | |\n"
        self.assertEqual(places(documents.the_walk_goes_forward, files), [])
        files[documents.WALK] += f"| 2 | {names[12]} | |\n"
        self.assertEqual(places(documents.the_walk_goes_forward, files), [(documents.WALK, 2)])


class BanTests(unittest.TestCase):
    def test_no_traps_in_sources(self):
        text = 'fatalError("no")\nlet a = try! b()\nlet c = d as! E\nlet f = "as! try!"\n'
        self.assertEqual(sorted(lines(bans.banned_words, SERVER, text)), [1, 2, 3])

    def test_the_core_has_no_clock_randomness_or_concurrency(self):
        text = "let a = ContinuousClock.now\nlet b = Int.random(in: 0...1)\nawait c()\n" \
            "let d = Int.random(in: 0...1, using: &generator)\n"
        self.assertEqual(sorted(lines(bans.banned_words, ENGINE, text)), [1, 2, 3])
        self.assertEqual(lines(bans.banned_words, SERVER, text), [])

    def test_names_are_compared_by_their_bytes(self):
        text = "var a: [String: Int]\nlet b = Set<String>()\nvar c: [ExactText: String]\n"
        self.assertEqual(lines(bans.banned_words, ENGINE, text), [1, 2])
        self.assertEqual(lines(bans.banned_words, SERVER, text), [])

    def test_tests_do_not_sleep(self):
        text = "try await Task.sleep(for: .seconds(1))\nusleep(3)\nlet asleep = 1\nnode.sleep(3)\n"
        self.assertEqual(lines(bans.banned_words, "Tests/GRPCTests/A.swift", text), [1, 2])
        python = "import time\ntime.sleep(1)\n"
        self.assertEqual(
            lines(bans.python_tests_wait_for_conditions, "Tests/Contract/test_a.py", python), [2])

    def test_versions_stay_within_a_minor_one(self):
        text = '.package(url: "u", from: "1.0.0"),\n.package(url: "u", exact: "1.0.0"),\n' \
            '.package(url: "u", .upToNextMinor(from: "1.0.0")),\n' \
            '.package(url: "u", branch: "main"),\n'
        for manifest in ("Package.swift", "Examples/swift/Package.swift"):
            self.assertEqual(lines(bans.banned_words, manifest, text), [1, 2, 4])

    def test_pointers_stay_at_the_edge(self):
        text = "let a: UnsafeRawPointer\n"
        self.assertEqual(lines(bans.unsafe_only_where_c_is, SERVER, text), [1])
        self.assertEqual(
            lines(bans.unsafe_only_where_c_is, "Sources/HTTP2/Session.swift", text), [])

    def test_unchecked_sendable_says_why(self):
        text = "final class A: @unchecked Sendable {}\n\n// Confined to its event loop.\n" \
            "final class B: @unchecked Sendable {}\n"
        self.assertEqual(lines(bans.unchecked_with_reason, SERVER, text), [1])

    def test_sql_is_in_sql_files(self):
        text = 'let a = "SELECT 1"\nlet b = "select a from b"\nlet c = "please select a name"\n' \
            'let d = """\n  INSERT INTO a\n  """\n// SELECT is fine here\n'
        self.assertEqual(lines(bans.sql_in_sql_files, SERVER, text), [1, 2, 4])

    def test_nothing_is_left_for_later(self):
        self.assertEqual(lines(bans.nothing_unfinished, SERVER, "a\n// TODO: b\n"), [2])


if __name__ == "__main__":
    unittest.main()
