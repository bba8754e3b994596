import MachineModel
import Testing

@testable import ProgressorStorage

@Suite("StoredEndpoint")
struct StoredEndpointTests {
  private static func options(_ endpoint: String, _ tls: ProcessorTLS?) -> ProcessorOptions {
    ProcessorOptions(endpoint: endpoint, tls: tls)
  }

  @Test("Without TLS it is the endpoint; with TLS nothing of either is lost")
  func roundTrip() throws {
    let all = ProcessorTLS(
      caFile: "/c", certificateFile: "/d", keyFile: "/k", serverName: "n.example")
    for endpoint in ["h:1", "unix:/a|b", "unix:/\u{301}"] {
      for tls in [nil, ProcessorTLS(), ProcessorTLS(caFile: "/\u{301}"), all] {
        let text = StoredEndpoint.text(Self.options(endpoint, tls))
        let read = try #require(StoredEndpoint.read(text))
        #expect(read.endpoint.utf8.elementsEqual(endpoint.utf8))
        #expect(read.tls == tls)
        #expect(text.hasPrefix("tls|") == (tls != nil))
      }
    }
    #expect(StoredEndpoint.text(Self.options("h:1", all)) == "tls|/c|/d|/k|n.example|h:1")
  }

  @Test("A text with too few parts is nobody's")
  func cutOff() {
    for text in ["tls|", "tls|h:1", "tls||||h:1"] { #expect(StoredEndpoint.read(text) == nil) }
  }
}

extension OnPostgreSQL {
  @Suite("Namespaces with TLS")
  struct NamespaceTLSTests {
    @Test("It is stored with the namespace, changes its version, and stays with another endpoint")
    func stored() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var namespace = Namespace(
        name: "tls", processor: ProcessorOptions(endpoint: "h:1", tls: ProcessorTLS()))
      let first = try await test.storage.createNamespace(namespace)
      #expect(first.namespace.processor == namespace.processor)
      namespace.processor.tls = ProcessorTLS(caFile: "/c", serverName: "n.example")
      let second = try await test.storage.replaceNamespace(namespace)
      #expect(second.namespace.version == 2)
      #expect(second.namespace.processor == namespace.processor)
      let third = try await test.storage.setEndpoint("[::1]:2", ofNamespace: "tls")
      namespace.processor.endpoint = "[::1]:2"
      #expect(third.namespace.processor == namespace.processor)
      #expect(third.namespace.version == 3)
      let same = try await test.storage.setEndpoint("[::1]:2", ofNamespace: "tls")
      #expect(same.namespace.version == 3)
      namespace.processor.tls = nil
      let fourth = try await test.storage.replaceNamespace(namespace)
      #expect(fourth.namespace.processor == namespace.processor)
      let fifth = try await test.storage.setEndpoint("h:3", ofNamespace: "tls")
      #expect(fifth.namespace.processor.endpoint == "h:3")
      #expect(fifth.namespace.processor.tls == nil)
    }
  }
}
