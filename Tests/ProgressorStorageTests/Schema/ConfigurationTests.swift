import PostgreSQL
import Testing

@testable import ProgressorStorage

@Suite("Storage configuration")
struct ConfigurationTests {
  @Test("A database URL that is none is refused without its password")
  func invalidURL() {
    let error = #expect(throws: StorageError.self) {
      try StorageConfiguration(connectionString: "postgresql://user:secret@[host/x")
    }
    #expect(error?.kind == .unfit)
    #expect(error?.description.contains("secret") == false)
  }

  @Test("Sessions of writers are found by their node, and slot 1 is not slot 10")
  func sessionNames() throws {
    let configuration = try StorageConfiguration(connectionString: "host=/tmp dbname=x")
    #expect(configuration.settings(for: "writer").applicationName == "progressor/writer")
    let node = SQLUUID.random()
    let one = SessionName.writer(of: node, slot: 1)
    #expect(one.hasPrefix(SessionName.writers(of: node)))
    #expect(!SessionName.writer(of: node, slot: 10).hasPrefix(one))
    #expect(SessionName.writer(of: node, slot: 9_999).utf8.count <= 63)
  }
}
