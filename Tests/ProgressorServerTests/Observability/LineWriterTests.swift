import Glibc
import Testing

@testable import ProgressorServer

@Suite("Lines of the log")
struct LineWriterTests {
  @Test("Who logs does not wait for who reads, and what had to be left out is counted")
  func unread() throws {
    let pipe = try Pipe()
    let writer = LineWriter(descriptor: pipe.writing, maximumBytes: 200_000)
    // More than the pipe and the writer take together.
    let lines = (0..<1_000).map { "\($0) " + String(repeating: "x", count: 1_000) }
    for line in lines { writer.write(Array("\(line)\n".utf8)) }
    // The writer's thread may begin late, and say in between what was left out until then.
    let read = pipe.lines { read in
      read.count { missing($0) == nil } + read.compactMap(missing).reduce(0, +) >= lines.count
    }
    let kept = read.filter { missing($0) == nil }
    #expect(kept.count + read.compactMap(missing).reduce(0, +) == lines.count)
    #expect((190...300).contains(kept.count))
    var rest = lines[...]
    for line in kept {
      let isWhole = rest.contains(line)
      #expect(isWhole, "in order, and whole")
      rest = rest.drop { $0 != line }.dropFirst()
    }
    writer.write(Array("more\n".utf8))
    #expect(pipe.lines { $0.contains("more") } == ["more"], "what comes later is written")
  }

  /// How many lines this one says are missing; nil = it is one that was written.
  private func missing(_ line: String) -> Int? {
    let isNotice =
      line.utf8.count < 100
      && line.hasSuffix("lines of the log are missing here: they were not read in time")
    guard isNotice else { return nil }
    return line.split(separator: " ").first.flatMap { Int($0) }
  }

  @Test("What was taken before a flush is written behind it")
  func flush() throws {
    let pipe = try Pipe()
    let writer = LineWriter(descriptor: pipe.writing)
    for number in 0..<10 { writer.write(Array("\(number)\n".utf8)) }
    writer.flush(atMost: .seconds(10))
    #expect(pipe.available() == 20)
  }

  @Test("A reader that is gone ends nothing")
  func gone() throws {
    signal(SIGPIPE, SIG_IGN)
    let pipe = try Pipe()
    pipe.closeReading()
    let writer = LineWriter(descriptor: pipe.writing)
    writer.write(Array("nobody\n".utf8))
    writer.flush(atMost: .seconds(10))
  }
}

private final class Pipe {
  let reading: Int32
  let writing: Int32
  private var isReadingClosed = false

  struct Failure: Error {}

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure() }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(writing)
    if !isReadingClosed { close(reading) }
  }

  func closeReading() {
    close(reading)
    isReadingClosed = true
  }

  /// Bytes that can be read.
  func available() -> Int {
    var count: Int32 = 0
    _ = ioctl(reading, UInt(FIONREAD), &count)
    return Int(count)
  }

  /// The whole lines that are read until they are enough.
  func lines(until areEnough: ([String]) -> Bool) -> [String] {
    var lines: [String] = []
    var begun: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !areEnough(lines) {
      let count = read(reading, &buffer, buffer.count)
      guard count > 0 else { return lines }
      let parts = buffer[..<count].split(separator: 10, omittingEmptySubsequences: false)
      for part in parts.dropLast() {
        lines.append(String(decoding: begun + part, as: UTF8.self))
        begun = []
      }
      begun += parts.last ?? []
    }
    return lines
  }
}
