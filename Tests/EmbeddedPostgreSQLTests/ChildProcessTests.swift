import Foundation
import Testing

@testable import EmbeddedPostgreSQL

@Suite("Child processes")
struct ChildProcessTests {
  @Test("A child inherits no descriptor but its own three: our sockets end when we close them")
  func descriptors() throws {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    let command = Command(program: "/bin/ls", arguments: ["ls", "/proc/self/fd"])
    let (status, output) = try ChildProcess.run(command)

    #expect(status.isSuccess)
    let inherited = output.split(separator: "\n").compactMap { Int32($0) }
    // 3 is the directory that `ls` itself reads.
    #expect(inherited.sorted() == [0, 1, 2, 3])
  }
}
